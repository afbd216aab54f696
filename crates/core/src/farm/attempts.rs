//! The life of attempts: progress, loss, silence.

use jiff::Timestamp;

use farm_model::id::{AttemptKey, HubId, HubSession};
use farm_model::message::progress::{AttemptEvent, AttemptProgress, AttemptReport, Outcome};
use farm_model::message::work::CancelJob;
use farm_model::record::{Attempt, AttemptState, Gone, JobState};

use super::{Farm, newest};
use crate::effects::Effects;
use crate::queue::JobRef;

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
            AttemptEvent::Refused { reason } => self.refused(&job, &reason, now, effects),
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
        let cancel = CancelJob {
            hub: hub.clone(),
            attempt: attempt.clone(),
            reason: "another attempt has taken its place".to_owned(),
        };
        effects.tell(format!("cancel:{attempt}:{why}"), now, &cancel);
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

    fn refused(&mut self, job: &JobRef, reason: &str, now: Timestamp, effects: &mut Effects) {
        if let Some(attempt) = self.current_mut(job) {
            let machine = attempt.machine.clone();
            self.give_up(job, reason, Gone::Refused, now, effects);
            self.fleet.suspect(&machine);
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
        self.end_attempt(job, AttemptState::Finished { at: now, report });
        if outcome == Outcome::Lost {
            self.after_loss(job, &reason, now, effects);
        } else {
            self.end_job(job, outcome, &reason, now, effects);
        }
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

    fn end_attempt(&mut self, job: &JobRef, state: AttemptState) {
        let Some(key) = self.current_key(job) else {
            return;
        };
        let Some(attempt) = self.current_mut(job) else {
            return;
        };
        attempt.state = state;
        let machine = attempt.machine.clone();
        self.leases.remove(&key);
        self.fleet.release(&machine, &key);
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

    fn has_builder(&self, id: &farm_model::id::BuildId) -> bool {
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

    fn max_losses(&self, job: &JobRef) -> u32 {
        let builder = self
            .builds
            .get(&job.build)
            .and_then(|build| self.config.builders.get(&build.key.builder));
        builder.map_or(1, |builder| builder.max_losses)
    }

    /// A hub has begun a new life: what it ran in another is lost. What it was offered may still reach it.
    pub(super) fn lose_other_sessions(
        &mut self,
        hub: &HubId,
        session: &HubSession,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let of_another = |attempt: &Attempt| {
            let other = matches!(&attempt.state, AttemptState::Running { session: of, .. } if of != session);
            attempt.hub == *hub && other
        };
        let jobs: Vec<JobRef> = self
            .leases
            .iter()
            .filter(|(key, _)| self.current_by_key(key).is_some_and(of_another))
            .map(|(_, job)| job.clone())
            .collect();
        for job in jobs {
            self.give_up(&job, "its hub was restarted", Gone::Restarted, now, effects);
        }
    }

    /// What nobody speaks of any more is lost, once we have listened for the grace period.
    pub(super) fn lose_silent(&mut self, now: Timestamp, effects: &mut Effects) {
        let lost: Vec<(JobRef, &str)> = self
            .leases
            .iter()
            .filter_map(|(key, job)| {
                let reason = self.why_lost(self.current_by_key(key)?, now)?;
                Some((job.clone(), reason))
            })
            .collect();
        for (job, reason) in lost {
            self.give_up(&job, reason, Gone::Silent, now, effects);
        }
    }

    /// Why a current attempt counts as lost, if it does.
    fn why_lost(&self, attempt: &Attempt, now: Timestamp) -> Option<&'static str> {
        let listening = self.listening_since;
        let silent_since =
            |at: Timestamp| now.duration_since(at.max(listening)) > self.policy.grace;
        match &attempt.state {
            AttemptState::Running { since, .. } => {
                let hub = self.fleet.hub(&attempt.hub);
                if silent_since(hub.map_or(listening, |hub| hub.heard)) {
                    return Some("its hub has fallen silent");
                }
                // It ended without a word reaching us.
                let mentioned = attempt.mentioned.unwrap_or(*since);
                silent_since(mentioned).then_some("its hub no longer speaks of it")
            }
            AttemptState::Offered => (now > attempt.start_by && silent_since(listening))
                .then_some("its hub did not take it in time"),
            AttemptState::Finished { .. } | AttemptState::Gone { .. } => None,
        }
    }

    /// A heartbeat speaks of an attempt.
    pub(super) fn mention(&mut self, key: &AttemptKey, now: Timestamp) {
        let Some(job) = self.leases.get(key).cloned() else {
            return;
        };
        if self.current_key(&job).as_ref() == Some(key)
            && let Some(attempt) = self.current_mut(&job)
        {
            attempt.mentioned = Some(now);
        }
    }

    fn current_by_key(&self, key: &AttemptKey) -> Option<&Attempt> {
        let job = self.leases.get(key)?;
        newest(self.runs.get(&job.build)?)
            .jobs
            .get(job.job)?
            .attempts
            .last()
    }

    fn current_key(&self, job: &JobRef) -> Option<AttemptKey> {
        let run = newest(self.runs.get(&job.build)?);
        let entry = run.jobs.get(job.job)?;
        Some(run.attempt_key(&entry.name, entry.attempts.last()?.number))
    }

    fn current_mut(&mut self, job: &JobRef) -> Option<&mut Attempt> {
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
