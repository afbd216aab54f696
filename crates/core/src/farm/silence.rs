//! Attempts of which nothing is heard any more, one by one or with their hub.

use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::{AttemptKey, HubId, HubSession};
use farm_model::record::{Attempt, AttemptState, Gone};

use super::Farm;
use crate::effects::Effects;
use crate::queue::JobRef;

/// Current attempts looked at in one look at the time, at least.
const LOOKED_AT: usize = 1000;
/// Looks in which all of them are looked at, where there are many.
const LOOKS: usize = 8;

impl Farm {
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
        // A part of them each time: the whole round takes no longer than a few looks, however many there are. What a hub
        // takes with it is lost at once, so that it shows that the trouble is shared.
        let silent = self
            .fleet
            .newly_silent(self.listening_since, self.policy.grace, now);
        let many = match silent {
            true => self.leases.len(),
            false => LOOKED_AT.max(self.leases.len() / LOOKS),
        };
        if silent {
            self.looked = None;
        }
        let from = match self.looked.take() {
            Some(last) => Bound::Excluded(last),
            None => Bound::Unbounded,
        };
        let mut lost: Vec<(JobRef, &str, Gone)> = Vec::new();
        let mut last = None;
        for (key, job) in self.leases.range((from, Bound::Unbounded)).take(many) {
            last = Some(key.clone());
            let Some(attempt) = self.current_by_key(key) else {
                continue;
            };
            // What nobody has taken has not begun: the work may still lie with us, and nobody is to blame.
            let how = match attempt.state {
                AttemptState::Offered => Gone::Refused,
                _ => Gone::Silent,
            };
            let reason = self.why_lost(attempt, now);
            let reason = reason.or_else(|| self.why_overdue(job, attempt, now));
            lost.extend(reason.map(|reason| (job.clone(), reason, how)));
        }
        // Where that was the last of them, the next look begins at the first.
        let newest = self.leases.last_key_value().map(|(key, _)| key);
        self.looked = last.filter(|last| Some(last) != newest);
        for (job, reason, how) in lost {
            let machine = self
                .current_mut(&job)
                .map(|attempt| attempt.machine.clone());
            self.give_up(&job, reason, how, now, effects);
            if how == Gone::Refused
                && let Some(machine) = machine
            {
                self.fleet.suspect(&machine);
            }
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

    /// Its hub should have ended it long ago.
    fn why_overdue(&self, job: &JobRef, attempt: &Attempt, now: Timestamp) -> Option<&'static str> {
        let AttemptState::Running { since, .. } = &attempt.state else {
            return None;
        };
        let limit = self.context(&job.build)?.builder.timeout_seconds;
        let limit = SignedDuration::from_secs(i64::try_from(limit).unwrap_or(i64::MAX / 4));
        let over = now.duration_since(*since) > limit.saturating_add(self.policy.overtime);
        over.then_some("its hub did not end it when its time was over")
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
}
