//! What is durable, as the database was told it, and whether each change of it may be.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::event::{Event, Message};
use farm_model::id::{AttemptKey, BuildId, MachineName};
use farm_model::message::progress::Outcome;
use farm_model::message::result::{BuildersBroken, BuildersMended, RunFinished};
use farm_model::message::work::RunJob;
use farm_model::record::{Attempt, AttemptState, Gone, Job, JobState, Run};
use farm_store::Batch;

use crate::breakages::Breakages;
use crate::orders::Orders;

/// All of it.
#[derive(Default)]
pub struct Ledger {
    pub runs: BTreeMap<(BuildId, u32), Run>,
    /// Outcomes published.
    pub announced: BTreeMap<(BuildId, u32), Outcome>,
    /// What broke, and who was told.
    pub breakages: Breakages,
    /// Machines that are ordered.
    pub orders: Orders,
    /// Commands that were carried out, by their keys.
    used: BTreeSet<String>,
    /// Attempts that were given up for silence since somebody looked last.
    pub silent: Vec<AttemptKey>,
    /// What was broken first.
    pub wrong: Option<String>,
}

impl Ledger {
    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The database has `batch`.
    pub fn committed(&mut self, batch: &Batch) {
        for entry in &batch.inbox {
            if !self.used.insert(entry.key.clone()) {
                self.blame(format!("{} was used up twice", entry.key));
            }
        }
        for run in &batch.runs {
            self.changed(run);
        }
        self.breakages.committed(&batch.kept);
        let runs = &self.runs;
        let at_work = |name: &MachineName| is_at_work(runs, name);
        if let Err(what) = self.orders.committed(&batch.kept, at_work) {
            self.blame(what);
        }
    }

    fn changed(&mut self, run: &Run) {
        let key = (run.build.clone(), run.number);
        let name = format!("run {} of {}", run.number, run.build);
        if let Err(what) = is_sound(run) {
            self.blame(format!("{name}: {what}"));
        }
        match self.runs.insert(key, run.clone()) {
            Some(before) => {
                if let Err(what) = may_become(&before, run) {
                    self.blame(format!("{name}: {what}"));
                }
                self.silent.extend(newly_silent(&before, run));
            }
            None if run.number > 1 => self.follows(run, &name),
            None => {}
        }
    }

    /// A run is opened only once the one before it is over.
    fn follows(&mut self, run: &Run, name: &str) {
        let before = self.runs.get(&(run.build.clone(), run.number - 1));
        if before.is_none_or(|before| before.verdict.is_none()) {
            self.blame(format!(
                "{name} was opened before the one before it was over"
            ));
        }
    }

    /// The queues are about to have `event`.
    pub fn published(&mut self, event: &Event) {
        match event.kind.as_str() {
            RunFinished::TYPE => self.announce(&event.decode().unwrap()),
            RunJob::TYPE => self.ordered(&event.decode().unwrap()),
            BuildersBroken::TYPE | BuildersMended::TYPE => {
                if let Err(what) = self.breakages.published(event) {
                    self.blame(what);
                }
            }
            _ => {
                if let Err(what) = self.orders.published(event) {
                    self.blame(what);
                }
            }
        }
    }

    fn announce(&mut self, finished: &RunFinished) {
        let key = (finished.build.clone(), finished.run);
        let name = format!("run {} of {}", finished.run, finished.build);
        let stored = self.runs.get(&key).and_then(|run| run.verdict.as_ref());
        if stored.is_none_or(|verdict| verdict.outcome != finished.outcome) {
            let what = finished.outcome;
            self.blame(format!(
                "{name} was announced as {what:?}, stored is {stored:?}"
            ));
        }
        let told = *self.announced.entry(key).or_insert(finished.outcome);
        if told != finished.outcome {
            self.blame(format!("{name} was announced with two outcomes"));
        }
    }

    fn ordered(&mut self, job: &RunJob) {
        if self.attempt(&job.attempt).is_none() {
            self.blame(format!(
                "{} was told to a hub and is not stored",
                job.attempt
            ));
        }
    }

    fn attempt(&self, key: &AttemptKey) -> Option<&Attempt> {
        let run = self.runs.get(&(key.build.clone(), key.run))?;
        let job = run.jobs.iter().find(|job| job.name == key.job)?;
        job.attempts.iter().find(|of| of.number == key.attempt)
    }

    /// Whether the attempt is current.
    pub fn is_current(&self, key: &AttemptKey) -> bool {
        self.attempt(key).is_some_and(|of| !is_over(of))
    }

    /// Those that have a run.
    pub fn builds(&self) -> impl Iterator<Item = &BuildId> {
        self.runs.keys().map(|(build, _)| build)
    }

    pub fn used(&self, key: &str) -> bool {
        self.used.contains(key)
    }
}

/// Whether an attempt is current on a machine.
fn is_at_work(runs: &BTreeMap<(BuildId, u32), Run>, name: &MachineName) -> bool {
    let jobs = runs.values().flat_map(|run| &run.jobs);
    let mut attempts = jobs.filter_map(|job| job.attempts.last());
    attempts.any(|of| !is_over(of) && of.machine.name().as_ref() == Some(name))
}

fn is_over(attempt: &Attempt) -> bool {
    matches!(
        attempt.state,
        AttemptState::Finished { .. } | AttemptState::Gone { .. }
    )
}

/// What holds for every run at every moment.
fn is_sound(run: &Run) -> Result<(), String> {
    for job in &run.jobs {
        let current = job.attempts.iter().filter(|of| !is_over(of)).count();
        let leased = usize::from(job.state == JobState::Leased);
        if current != leased {
            return Err(format!(
                "job {} is {:?} and has {current} current attempts",
                job.name, job.state
            ));
        }
        let rising = job
            .attempts
            .windows(2)
            .all(|of| of[0].number < of[1].number);
        if !rising {
            return Err(format!("attempts of job {} are not in order", job.name));
        }
    }
    let open = run.jobs.iter().any(|job| job.state == JobState::Leased);
    if open && run.verdict.is_some() {
        return Err("it is over while a job of it runs".to_owned());
    }
    Ok(())
}

/// What never changes once it is stored.
fn may_become(before: &Run, after: &Run) -> Result<(), String> {
    if before.verdict.is_some() && before.verdict != after.verdict {
        return Err(format!(
            "its verdict was {:?} and is {:?}",
            before.verdict, after.verdict
        ));
    }
    if before.opened != after.opened || before.cause != after.cause {
        return Err("it was opened twice".to_owned());
    }
    for (old, new) in before.jobs.iter().zip(&after.jobs) {
        // What others begin from is made again if it was lost.
        let made = old.state
            == JobState::Done {
                outcome: Outcome::Ok,
            };
        let remade = made && after.jobs.iter().any(|job| job.needs.contains(&old.name));
        job_may_become(old, new, remade).map_err(|what| format!("job {}: {what}", old.name))?;
    }
    Ok(())
}

fn job_may_become(before: &Job, after: &Job, remade: bool) -> Result<(), String> {
    let (was, is) = (&before.state, &after.state);
    if matches!(was, JobState::Done { .. }) && was != is && !remade {
        return Err(format!("it was {was:?} and is {is:?}"));
    }
    let last = |job: &Job| job.attempts.last().map_or(0, |of| of.number);
    if last(after) < last(before) {
        return Err(format!("attempt {} was forgotten", last(before)));
    }
    for old in &before.attempts {
        let new = after.attempts.iter().find(|of| of.number == old.number);
        // Of refusals only the newest are kept.
        let Some(new) = new else { continue };
        if new.machine != old.machine || new.leased != old.leased {
            return Err(format!("attempt {} was leased twice", old.number));
        }
        if is_over(old) && new.state != old.state && !has_lost_snapshot(old, new) {
            return Err(format!(
                "attempt {} was {:?} and is {:?}",
                old.number, old.state, new.state
            ));
        }
    }
    Ok(())
}

/// Whether nothing of a report changed but that what it kept is gone from the bucket.
fn has_lost_snapshot(before: &Attempt, after: &Attempt) -> bool {
    let mut before = before.state.clone();
    if let AttemptState::Finished { report, .. } = &mut before {
        report.snapshot = None;
    }
    before == after.state
}

/// Attempts that ran and were given up for silence.
fn newly_silent(before: &Run, after: &Run) -> Vec<AttemptKey> {
    let mut silent = Vec::new();
    for (old, new) in before.jobs.iter().zip(&after.jobs) {
        let (Some(was), Some(is)) = (old.attempts.last(), new.attempts.last()) else {
            continue;
        };
        let gone = matches!(
            is.state,
            AttemptState::Gone {
                how: Gone::Silent,
                ..
            }
        );
        if gone && is.number == was.number && matches!(was.state, AttemptState::Running { .. }) {
            silent.push(after.attempt_key(&new.name, is.number));
        }
    }
    silent
}
