//! Results of builders whose machines are not ours: a run that begins and ends with what they tell (spec `dashboard.md` 4.6).

use jiff::{SignedDuration, Timestamp};

use farm_model::id::BuildId;
use farm_model::message::command::ExternalResult;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome};
use farm_model::record::{Attempt, AttemptState, BuildKind, Job, JobState, Part};

use super::{Farm, newest};
use crate::effects::Effects;
use crate::plan::Wanted;
use crate::policy::earlier;
use crate::queue::JobRef;

/// In whose place the builder's own machines stand.
const ELSEWHERE: &str = "external";

impl Farm {
    /// Records what a builder tells; what was done, for people.
    pub(super) fn record_external(
        &mut self,
        told: &ExternalResult,
        actor: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> String {
        if let Err(why) = self.may_tell(told, actor) {
            return format!("nothing: {why}");
        }
        let (id, cause) = (told.key.id(), format!("told by {actor}"));
        let newest = self.runs.get(&id).map(|runs| newest(runs));
        match newest.map(|run| (run.number, run.verdict.is_some())) {
            None => {
                let key = told.key.clone();
                let branch = self.branch(&key.repo, &key.branch);
                let wanted = Wanted {
                    number: branch.and_then(|branch| branch.number_of(&key.commit)),
                    key,
                    behind: 0,
                };
                self.want(&wanted, &cause, now, effects);
            }
            Some((number, true)) => self.open_run(&id, number + 1, &cause, now, effects),
            Some((_, false)) => {}
        }
        match self.end_by_telling(&id, told, now, effects) {
            Some(()) => "recorded it".to_owned(),
            None => "nothing: it cannot be built".to_owned(),
        }
    }

    fn may_tell(&self, told: &ExternalResult, actor: &str) -> Result<(), String> {
        let key = &told.key;
        if actor != format!("builder:{}", key.builder) || key.kind != BuildKind::PostSubmit {
            return Err("a builder tells results of its own, of what was submitted".to_owned());
        }
        if !self.config.builders.contains_key(&key.builder) {
            return Err(format!("farm.toml has no builder {}", key.builder));
        }
        let Some(runs) = self.runs.get(&key.id()) else {
            let known = self.commit(&key.repo, &key.branch, &key.commit);
            let why = || {
                format!(
                    "{} has no commit {} on {}",
                    key.repo, key.commit, key.branch
                )
            };
            return known.map(|_| ()).ok_or_else(why);
        };
        let leased = |job: &Job| job.state == JobState::Leased;
        match newest(runs).jobs.iter().any(leased) {
            true => Err("a machine of ours is building it".to_owned()),
            false => Ok(()),
        }
    }

    /// The open run's own jobs never begin: one takes their place that is over already.
    fn end_by_telling(
        &mut self,
        id: &BuildId,
        told: &ExternalResult,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<()> {
        let count = newest(self.runs.get(id)?).jobs.len();
        for job in 0..count {
            let build = id.clone();
            self.queue.take(&JobRef { build, job });
        }
        let run = self.runs.get_mut(id)?.last_mut()?;
        for job in &mut run.jobs {
            if !matches!(job.state, JobState::Done { .. }) {
                job.state = JobState::Dropped;
            }
        }
        let (outcome, reason) = match told.ok {
            true => (Outcome::Ok, String::new()),
            false => (Outcome::Failed, format!("{} says so", told.key.builder)),
        };
        run.jobs.push(job(told, outcome, &reason, now)?);
        self.decide(id, outcome, &reason, now, effects);
        self.touch(id, effects);
        Some(())
    }
}

/// A job that somebody else has done. Its log lies where it says.
fn job(told: &ExternalResult, outcome: Outcome, reason: &str, now: Timestamp) -> Option<Job> {
    let log = told.log.as_ref();
    let took = i64::try_from(told.milliseconds).unwrap_or(i64::MAX);
    let began = earlier(now, SignedDuration::from_millis(took));
    let report = AttemptReport {
        log: LogSummary {
            bytes: log.map_or(0, |log| log.bytes),
            hash: log.map(|log| log.hash.clone()),
            ..LogSummary::default()
        },
        ..AttemptReport::bare(outcome, reason.to_owned())
    };
    let attempt = Attempt {
        number: log.map_or(1, |log| log.attempt.attempt),
        hub: ELSEWHERE.parse().ok()?,
        machine: format!("{ELSEWHERE}/{}", told.key.builder).parse().ok()?,
        leased: began,
        start_by: began,
        state: AttemptState::Finished { at: now, report },
        last_seq: 0,
        continues: None,
        mentioned: None,
    };
    let usual = || ELSEWHERE.parse().ok();
    Some(Job {
        name: log.map(|log| log.attempt.job.clone()).or_else(usual)?,
        needs: Vec::new(),
        part: Part::Whole,
        state: JobState::Done { outcome },
        attempts: vec![attempt],
    })
}
