//! The life of attempts: progress and loss.

use jiff::Timestamp;

use farm_model::config::Clean;
use farm_model::id::{AttemptKey, BuildId, HubId, HubSession, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, Missing, Outcome,
};
use farm_model::message::work::CancelJob;
use farm_model::record::{Attempt, AttemptState, Gone, Job, JobState};

use super::{Farm, newest};
use crate::effects::Effects;
use crate::queue::JobRef;
use crate::recipe;

/// Restarts of a hub that count as one loss.
const RESTARTS_A_LOSS: usize = 4;
/// Refusals in a row that a job's record keeps.
const REFUSALS_KEPT: usize = 20;

impl Farm {
    /// A hub tells of an attempt. Only the current one is listened to.
    pub(super) fn progress(
        &mut self,
        progress: AttemptProgress,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if !self.hub_speaks(&progress.hub, &progress.session, now, effects) {
            return;
        }
        let Some(job) = self.leases.get(&progress.attempt).cloned() else {
            self.stale(&progress, now, effects);
            return;
        };
        let Some(attempt) = self.current_mut(&job) else {
            return;
        };
        if attempt.hub != progress.hub || progress.seq <= attempt.last_seq {
            effects.ignored += 1;
            return;
        }
        attempt.last_seq = progress.seq;
        match progress.what {
            AttemptEvent::Accepted => self.accepted(&job, progress.session, None, now, effects),
            AttemptEvent::StepStarted { name, .. } => {
                self.accepted(&job, progress.session, Some(name), now, effects)
            }
            AttemptEvent::Refused { reason, missing } => {
                self.refused(&job, &reason, missing, now, effects);
            }
            AttemptEvent::Finished { report } => self.finished(&job, report, now, effects),
        }
    }

    /// Progress of an attempt that is not current: counted, and if it goes on, its hub is told to end it.
    fn stale(&mut self, progress: &AttemptProgress, now: Timestamp, effects: &mut Effects) {
        effects.ignored += 1;
        if matches!(
            progress.what,
            AttemptEvent::Accepted | AttemptEvent::StepStarted { .. }
        ) && self.is_over(&progress.attempt)
        {
            let (hub, attempt) = (&progress.hub, &progress.attempt);
            self.cancel(hub, attempt, &progress.seq.to_string(), now, effects);
        }
    }

    /// Tells a hub that nobody waits for this attempt.
    pub(super) fn cancel(
        &self,
        hub: &HubId,
        attempt: &AttemptKey,
        why: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let reason = "another attempt has taken its place";
        self.cancel_because(hub, attempt, why, reason, now, effects);
    }

    fn cancel_because(
        &self,
        hub: &HubId,
        attempt: &AttemptKey,
        id: &str,
        reason: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let cancel = CancelJob {
            hub: hub.clone(),
            attempt: attempt.clone(),
            reason: reason.to_owned(),
        };
        effects.tell(format!("cancel:{attempt}:{id}"), now, &cancel);
    }

    /// Whether the attempt was given up.
    pub(super) fn is_forsaken(&self, key: &AttemptKey) -> bool {
        !self.leases.contains_key(key) && self.is_over(key)
    }

    /// Whether the attempt was given up, rather than finished (late news of a finished one needs no cancel).
    fn is_over(&self, key: &AttemptKey) -> bool {
        let run = self
            .runs(&key.build)
            .iter()
            .find(|run| run.number == key.run);
        let job = run.and_then(|run| run.jobs.iter().find(|job| job.name == key.job));
        let attempt = job.and_then(|job| {
            job.attempts
                .iter()
                .find(|attempt| attempt.number == key.attempt)
        });
        !attempt.is_some_and(|attempt| matches!(attempt.state, AttemptState::Finished { .. }))
    }

    fn accepted(
        &mut self,
        job: &JobRef,
        session: HubSession,
        step: Option<String>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(attempt) = self.current_mut(job) else {
            return;
        };
        let (since, was) = match &attempt.state {
            AttemptState::Running { since, step, .. } => (*since, step.clone()),
            _ => (now, None),
        };
        attempt.state = AttemptState::Running {
            session,
            step: step.or(was),
            since,
        };
        self.touch(&job.build, effects);
    }

    fn refused(
        &mut self,
        job: &JobRef,
        reason: &str,
        missing: Option<Missing>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(machine) = self.current_mut(job).map(|attempt| attempt.machine.clone()) else {
            return;
        };
        self.give_up(job, reason, Gone::Refused, now, effects);
        match missing {
            None => self.fleet.suspect(&machine),
            Some(Missing::WorkDir) => self.fleet.let_go(&machine),
            Some(Missing::Snapshot) => {
                self.forget_snapshot(job, effects);
                // A job that needs none of its own run can begin with nothing.
                if self
                    .job_mut(job)
                    .is_some_and(|entry| !entry.needs.is_empty())
                {
                    self.set_up_again(job, now, effects);
                }
                self.touch(&job.build, effects);
            }
        }
    }

    fn finished(
        &mut self,
        job: &JobRef,
        report: AttemptReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (outcome, reason) = (report.outcome, report.reason.clone());
        let told = report.clone();
        let Some(machine) = self.current_mut(job).map(|of| of.machine.clone()) else {
            return;
        };
        let held = self.holds(job, outcome);
        self.end_attempt(job, AttemptState::Finished { at: now, report }, effects);
        if outcome == Outcome::Lost {
            self.after_loss(job, &reason, now, effects);
            return;
        }
        match held {
            Some((machine, key)) => self.fleet.hold(&machine, key),
            None => self.expect_halt(job, &machine),
        }
        self.learn(job, &told, now, effects);
        match outcome {
            Outcome::Ok => self.follow(job, &told),
            _ => self.try_again(job, &told),
        }
        self.end_job(job, outcome, &reason, now, effects);
        self.end_without_builder(&job.build, now, effects);
    }

    /// Nothing more of a run is leased once its builder has left the configuration.
    pub(super) fn end_without_builder(
        &mut self,
        id: &BuildId,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let leased = |job: &Job| job.state == JobState::Leased;
        let waits = self
            .runs
            .get(id)
            .is_some_and(|runs| !newest(runs).jobs.iter().any(leased));
        if waits && !self.has_builder(id) {
            let why = "its builder is no longer in farm.toml";
            self.end_run(id, Outcome::Lost, why, now, effects);
        }
    }

    /// A machine that halts after every attempt is not used before its hub speaks of it again.
    fn expect_halt(&mut self, job: &JobRef, machine: &MachineId) {
        let clean = self.context(&job.build).and_then(|context| {
            let host = context.config.hosts.get(&context.builder.host)?;
            Some(host.clean)
        });
        if clean == Some(Clean::Halt) {
            self.fleet.suspect(machine);
        }
    }

    /// The machine that is kept as this attempt leaves it, as its hub was told to.
    fn holds(&self, job: &JobRef, outcome: Outcome) -> Option<(MachineId, AttemptKey)> {
        let run = newest(self.runs.get(&job.build)?);
        if outcome == Outcome::Lost || self.hold(run, job) == 0 {
            return None;
        }
        let attempt = run.jobs.get(job.job)?.attempts.last()?;
        Some((attempt.machine.clone(), self.current_key(job)?))
    }

    /// What a job wanted to go on from is not there any more.
    fn forget_snapshot(&mut self, job: &JobRef, effects: &mut Effects) {
        let Some(context) = self.context(&job.build) else {
            return;
        };
        let run = newest(&self.runs[&job.build]);
        let key = recipe::snapshot_key(&context, &run.jobs[job.job]);
        if let Some(key) = key {
            self.book.take(&key, effects);
        }
        let needs = run.jobs[job.job].needs.clone();
        let run = self
            .runs
            .get_mut(&job.build)
            .and_then(|runs| runs.last_mut());
        for need in run.into_iter().flat_map(|run| &mut run.jobs) {
            if needs.contains(&need.name)
                && let Some(AttemptState::Finished { report, .. }) =
                    need.attempts.last_mut().map(|attempt| &mut attempt.state)
            {
                report.snapshot = None;
            }
        }
    }

    /// Ends a current attempt that nobody wants any more, and tells its hub.
    pub(super) fn stop_attempt(
        &mut self,
        job: &JobRef,
        why: &str,
        how: Gone,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(key) = self.current_key(job) else {
            return;
        };
        let Some(hub) = self.current_mut(job).map(|attempt| attempt.hub.clone()) else {
            return;
        };
        let reason = why.to_owned();
        self.end_attempt(
            job,
            AttemptState::Gone {
                at: now,
                reason,
                how,
            },
            effects,
        );
        self.cancel_because(&hub, &key, "ended", why, now, effects);
    }

    /// The current attempt will not be heard of again, or was not taken.
    pub(super) fn give_up(
        &mut self,
        job: &JobRef,
        reason: &str,
        how: Gone,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.end_attempt(
            job,
            AttemptState::Gone {
                at: now,
                reason: reason.to_owned(),
                how,
            },
            effects,
        );
        if how == Gone::Refused && !self.has_builder(&job.build) {
            let reason = "its builder is no longer in farm.toml";
            self.end_job(job, Outcome::Lost, reason, now, effects);
        } else if how == Gone::Refused {
            let row = self.refusals(job);
            let pause = self.policy.after_refusal(now, row);
            self.wait_again(job, pause, now);
            self.touch(&job.build, effects);
        } else {
            self.after_loss(job, reason, now, effects);
        }
    }

    fn end_attempt(&mut self, job: &JobRef, state: AttemptState, effects: &mut Effects) {
        let Some(key) = self.current_key(job) else {
            return;
        };
        let Some(attempt) = self.current_mut(job) else {
            return;
        };
        attempt.state = state;
        let (machine, hub) = (attempt.machine.clone(), attempt.hub.clone());
        let at = over_at(attempt);
        let lost = is_loss(attempt);
        self.leases.remove(&key);
        self.queue.end(job);
        self.fleet.release(&machine, &key);
        if let Some(at) = at {
            self.note_ended(&machine, &hub, key, lost, at, effects);
        }
    }

    /// Again after a pause, or, at the limit of losses, the run is lost.
    fn after_loss(&mut self, job: &JobRef, reason: &str, now: Timestamp, effects: &mut Effects) {
        let losses = self.losses(job);
        let limit = self.max_losses(job);
        let run = newest(&self.runs[&job.build]);
        effects.transition(
            now,
            run,
            "attempt-lost",
            &[
                ("reason", reason.to_owned()),
                ("losses", losses.to_string()),
            ],
        );
        if losses >= limit {
            let reason = format!("lost {losses} times, the last time: {reason}");
            self.end_job(job, Outcome::Lost, &reason, now, effects);
        } else {
            self.wait_again(job, self.policy.after_loss(now, losses), now);
            self.touch(&job.build, effects);
        }
    }

    pub(super) fn wait_again(&mut self, job: &JobRef, not_before: Timestamp, now: Timestamp) {
        if let Some(entry) = self.job_mut(job) {
            entry.state = JobState::Waiting { not_before };
        }
        self.enqueue(job, not_before, now);
    }

    pub(super) fn has_builder(&self, id: &farm_model::id::BuildId) -> bool {
        let build = self.builds.get(id);
        build.is_some_and(|build| self.config.builders.contains_key(&build.key.builder))
    }

    /// Refusals in a row up to now. Only the newest are kept: they may go on for ever.
    fn refusals(&mut self, job: &JobRef) -> u32 {
        let refused = |attempt: &Attempt| {
            matches!(
                attempt.state,
                AttemptState::Gone {
                    how: Gone::Refused,
                    ..
                }
            )
        };
        let Some(entry) = self.job_mut(job) else {
            return 0;
        };
        let row = entry
            .attempts
            .iter()
            .rev()
            .take_while(|attempt| refused(attempt))
            .count();
        if row > REFUSALS_KEPT {
            entry.attempts.remove(entry.attempts.len() - row);
        }
        u32::try_from(row).unwrap_or(u32::MAX)
    }

    fn losses(&self, job: &JobRef) -> u32 {
        let attempts = &newest(&self.runs[&job.build]).jobs[job.job].attempts;
        let lost = attempts.iter().filter(|attempt| is_loss(attempt)).count();
        let restarts = attempts.iter().filter(|attempt| {
            matches!(
                attempt.state,
                AttemptState::Gone {
                    how: Gone::Restarted,
                    ..
                }
            )
        });
        u32::try_from(lost + restarts.count() / RESTARTS_A_LOSS).unwrap_or(u32::MAX)
    }

    pub(super) fn max_losses(&self, job: &JobRef) -> u32 {
        let builder = self
            .builds
            .get(&job.build)
            .and_then(|build| self.config.builders.get(&build.key.builder));
        builder.map_or(1, |builder| builder.max_losses)
    }

    pub(super) fn current_by_key(&self, key: &AttemptKey) -> Option<&Attempt> {
        let job = self.leases.get(key)?;
        newest(self.runs.get(&job.build)?)
            .jobs
            .get(job.job)?
            .attempts
            .last()
    }

    pub(super) fn current_key(&self, job: &JobRef) -> Option<AttemptKey> {
        let run = newest(self.runs.get(&job.build)?);
        let entry = run.jobs.get(job.job)?;
        Some(run.attempt_key(&entry.name, entry.attempts.last()?.number))
    }

    pub(super) fn current_mut(&mut self, job: &JobRef) -> Option<&mut Attempt> {
        self.job_mut(job)?.attempts.last_mut()
    }

    pub(super) fn job_mut(&mut self, job: &JobRef) -> Option<&mut farm_model::record::Job> {
        self.runs
            .get_mut(&job.build)?
            .last_mut()?
            .jobs
            .get_mut(job.job)
    }
}

/// A loss that its machine may have caused; refusals and restarts of the hub are not.
pub(super) fn is_loss(attempt: &Attempt) -> bool {
    match &attempt.state {
        AttemptState::Finished { report, .. } => report.outcome == Outcome::Lost,
        AttemptState::Gone { how, .. } => *how == Gone::Silent,
        AttemptState::Offered | AttemptState::Running { .. } => false,
    }
}

/// When it was lost, if it was.
pub(super) fn lost_at(attempt: &Attempt) -> Option<Timestamp> {
    over_at(attempt).filter(|_| is_loss(attempt))
}

/// When it ended on its machine; none while it has not, or where it never began.
fn over_at(attempt: &Attempt) -> Option<Timestamp> {
    match &attempt.state {
        AttemptState::Finished { at, .. }
        | AttemptState::Gone {
            at,
            how: Gone::Silent,
            ..
        } => Some(*at),
        AttemptState::Gone { .. } | AttemptState::Offered | AttemptState::Running { .. } => None,
    }
}
