//! Ending what nobody wants any more, on its machines as well: asked for, superseded, or too late.

use std::collections::BTreeSet;

use jiff::Timestamp;

use farm_model::id::{BuildId, CommitId};
use farm_model::message::progress::Outcome;
use farm_model::record::{Branch, Gone, JobState};

use super::{Farm, newest};
use crate::effects::Effects;
use crate::queue::JobRef;

/// Runs ended in one look at the time.
const AT_ONCE: usize = 100;

impl Farm {
    /// Ends the open run of a build: nothing of it is leased any more, and hubs are told to stop what runs. False if
    /// there is none.
    pub(super) fn cancel_run(
        &mut self,
        id: &BuildId,
        why: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        self.end_run(id, Outcome::Lost, why, now, effects)
    }

    /// The same with an outcome: a job that kills every machine is the code's fault.
    pub(super) fn end_run(
        &mut self,
        id: &BuildId,
        outcome: Outcome,
        why: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let Some(run) = self.runs.get(id).map(|runs| newest(runs)) else {
            return false;
        };
        if run.verdict.is_some() {
            return false;
        }
        for job in 0..run.jobs.len() {
            let job = JobRef {
                build: id.clone(),
                job,
            };
            self.stop_job(&job, why, now, effects);
        }
        self.decide(id, outcome, why, now, effects);
        self.touch(id, effects);
        true
    }

    fn stop_job(&mut self, job: &JobRef, why: &str, now: Timestamp, effects: &mut Effects) {
        self.queue.take(job);
        let state = self.job_mut(job).map(|entry| entry.state.clone());
        if state == Some(JobState::Leased) {
            self.stop_attempt(job, why, Gone::Cancelled, now, effects);
        }
        if let Some(entry) = self.job_mut(job)
            && !matches!(entry.state, JobState::Done { .. })
        {
            entry.state = JobState::Dropped;
        }
    }

    /// The branch was rewritten: what was built of commits that it has no more is not wanted.
    pub(super) fn supersede(
        &mut self,
        before: &Branch,
        after: &Branch,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let kept: BTreeSet<_> = after.commits.iter().map(|commit| &commit.id).collect();
        let Some(fork) = before
            .commits
            .iter()
            .position(|commit| kept.contains(&commit.id))
        else {
            // Nothing in common: perhaps only very many commits at once.
            return;
        };
        let gone: BTreeSet<_> = before.commits[..fork]
            .iter()
            .map(|commit| commit.id.clone())
            .collect();
        if gone.is_empty() {
            return;
        }
        let why = format!(
            "superseded: {} was rewritten and has it no more",
            after.name
        );
        for id in self.open_of(before) {
            if gone.contains(&self.builds[&id].key.commit) {
                self.supersede_run(&id, &why, now, effects);
            }
        }
        for id in self.open_against(before, |commit| gone.contains(commit)) {
            self.supersede_run(&id, &why, now, effects);
        }
    }

    /// A branch has gone at its source.
    pub(super) fn supersede_all(&mut self, gone: &Branch, now: Timestamp, effects: &mut Effects) {
        let why = format!("superseded: the branch {} is gone", gone.name);
        let against = self.open_against(gone, |_| true);
        for id in self.open_of(gone).into_iter().chain(against) {
            self.supersede_run(&id, &why, now, effects);
        }
    }

    fn supersede_run(&mut self, id: &BuildId, why: &str, now: Timestamp, effects: &mut Effects) {
        if !self.cancel_run(id, why, now, effects) {
            return;
        }
        let run = self.runs.get_mut(id).and_then(|runs| runs.last_mut());
        if let Some(verdict) = run.and_then(|run| run.verdict.as_mut()) {
            verdict.superseded = true;
        }
        self.touch(id, effects);
    }

    /// Open builds of the commits that a branch shows.
    fn open_of(&self, branch: &Branch) -> Vec<BuildId> {
        let builders = self.config.builders.keys();
        let builds = builders.flat_map(|builder| {
            let commits = branch.commits.iter();
            commits.map(move |commit| self.by_commit.at(builder, &commit.id))
        });
        let of_branch = |id: &&BuildId| {
            self.builds.get(*id).is_some_and(|build| {
                build.key.branch == branch.name && build.key.repo == branch.repo
            })
        };
        let open = |id: &&BuildId| newest(&self.runs[*id]).verdict.is_none();
        builds
            .flatten()
            .filter(of_branch)
            .filter(open)
            .cloned()
            .collect()
    }

    /// Open builds of other repositories against commits of a branch.
    fn open_against(&self, branch: &Branch, is_gone: impl Fn(&CommitId) -> bool) -> Vec<BuildId> {
        let against = |id: &&BuildId| {
            let build = self.builds.get(*id);
            build
                .and_then(|build| build.key.against.as_ref())
                .is_some_and(|of| {
                    of.repo == branch.repo && of.branch == branch.name && is_gone(&of.commit)
                })
        };
        self.open().filter(against).cloned().collect()
    }

    /// The run's time runs from its first attempt on.
    pub(super) fn begin(&mut self, id: &BuildId, now: Timestamp) {
        let run = newest(&self.runs[id]);
        if run.attempts() == 1 {
            let deadline = crate::policy::later(now, self.policy.run_limit);
            let number = run.number;
            self.deadlines.insert((deadline, id.clone(), number));
        }
    }

    /// Ends runs that took too long, and those for which no machine ever came.
    pub(super) fn end_overdue(&mut self, now: Timestamp, effects: &mut Effects) {
        for _ in 0..AT_ONCE {
            let Some((deadline, id, number)) = self.deadlines.first().cloned() else {
                break;
            };
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            // Of a run that is over nothing is left to be ended.
            if self
                .runs
                .get(&id)
                .is_none_or(|runs| newest(runs).number != number)
            {
                continue;
            }
            let hours = self.policy.run_limit.as_hours();
            let why = format!("not over {hours} hours after its first attempt");
            self.cancel_run(&id, &why, now, effects);
        }
        let limit = crate::policy::earlier(now, self.policy.wait_limit);
        let waited: Vec<BuildId> = self
            .open
            .iter()
            .take_while(|(opened, _)| *opened < limit)
            .map(|(_, id)| id.clone())
            .filter(|id| newest(&self.runs[id]).attempts() == 0)
            .take(AT_ONCE)
            .collect();
        for id in waited {
            let days = self.policy.wait_limit.as_hours() / 24;
            let why = format!("no machine took it in {days} days");
            self.cancel_run(&id, &why, now, effects);
        }
    }
}
