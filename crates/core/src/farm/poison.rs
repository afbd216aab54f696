//! Jobs that bring machines down are ended: that is the code's fault. Kept in counts, so that a new leader goes on counting.

use jiff::Timestamp;

use farm_model::id::{AttemptKey, BuildId, MachineId};
use farm_model::kept::{Count, Kept, KeptKey, KeptKind};
use farm_model::message::progress::Outcome;
use farm_model::record::AttemptState;

use super::Farm;
use crate::effects::Effects;
use crate::policy::earlier;

impl Farm {
    /// A machine went away: did what it ran bring it down?
    pub(super) fn note_went(&mut self, machine: &MachineId, now: Timestamp, effects: &mut Effects) {
        // What was only offered had not begun: a machine may go just when the next job is on its way.
        let lease = self
            .fleet
            .machine(machine)
            .and_then(|known| known.lease.clone())
            .filter(|attempt| self.has_begun(attempt));
        let since = earlier(now, self.policy.grace);
        let lost = self.losses.last.get(machine).filter(|(at, _)| *at >= since);
        let Some(attempt) = lease.or_else(|| lost.map(|(_, attempt)| attempt.clone())) else {
            return;
        };
        let hub = self.fleet.machine(machine).map(|known| known.hub.clone());
        let (Some(name), Some(hub)) = (machine.name(), hub) else {
            return;
        };
        if !self.is_shared((&name, &hub), Some(&attempt.build), now) {
            let of = format!("{}{name}", kills_key(&attempt.build, attempt.run, &attempt));
            self.book.put(Kept::Count(Count { of, count: 1 }), effects);
            self.end_poison(&attempt, now, effects);
        }
    }

    fn has_begun(&self, attempt: &AttemptKey) -> bool {
        self.current_by_key(attempt)
            .is_some_and(|of| matches!(of.state, AttemptState::Running { .. }))
    }

    /// Ends the run of a job that brought too many machines down; that is the code's fault.
    fn end_poison(&mut self, attempt: &AttemptKey, now: Timestamp, effects: &mut Effects) {
        let prefix = kills_key(&attempt.build, attempt.run, attempt);
        let killed: Vec<String> = self
            .book
            .under(KeptKind::Count, &prefix)
            .map(|kept| kept.key().key[prefix.len()..].to_owned())
            .collect();
        let open = self.runs(&attempt.build).last();
        let open = open.is_some_and(|run| run.number == attempt.run && run.verdict.is_none());
        if open && killed.len() >= self.most_killed(&attempt.build) {
            let why = format!(
                "{} brought down {} machines: {}",
                attempt.job,
                killed.len(),
                killed.join(", ")
            );
            self.end_run(&attempt.build, Outcome::Failed, &why, now, effects);
        }
    }

    /// Machines that a job may bring down.
    fn most_killed(&self, build: &BuildId) -> usize {
        let own = self.context(build).and_then(|of| of.builder.max_killed);
        own.map_or(self.policy.poison, |most| most as usize)
    }

    /// A run is over: what it brought down is in its verdict.
    pub(super) fn forget_kills(&mut self, build: &BuildId, effects: &mut Effects) {
        let prefix = format!("killed/{build}/");
        let keys: Vec<KeptKey> = self
            .book
            .under(KeptKind::Count, &prefix)
            .map(Kept::key)
            .collect();
        for key in keys {
            self.book.take(&key, effects);
        }
    }
}

fn kills_key(build: &BuildId, run: u32, attempt: &AttemptKey) -> String {
    format!("killed/{build}/{run}/{}/", attempt.job)
}
