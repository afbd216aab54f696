//! What heartbeats and their absence mean for the fleet.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::{HostType, HubId, HubSession, MachineId, MachineName};
use farm_model::message::progress::{HubHeartbeat, MachineGone};

use super::fleet::Word;
use super::{Farm, Machine};
use crate::effects::{Effects, ViewKey};
use crate::policy::earlier;

/// Silent machines that are forgotten in one look at the time.
const FORGOTTEN_AT_ONCE: usize = 500;
/// So long a late word of a machine that left is known as such.
const KNOWN_AS_GONE: SignedDuration = SignedDuration::from_mins(10);

impl Farm {
    /// How many machines of a host type are connected.
    #[must_use]
    pub fn machines_of(&self, host: &HostType) -> usize {
        self.fleet.count(host)
    }

    /// Machines of a host type, by id.
    pub fn machines_like(&self, host: &HostType) -> impl Iterator<Item = &Machine> {
        self.fleet.of_host(host)
    }

    /// The labels of a machine that some builder asks for.
    #[must_use]
    pub fn mentioned_labels(&self, machine: &Machine) -> BTreeSet<String> {
        self.fleet.idle().mentioned(machine)
    }

    /// A machine was drained or set aside, or is used again.
    pub(super) fn machines_changed(&mut self, name: &MachineName) {
        self.bar_as_kept(name);
        self.note_releases();
    }

    /// A machine gets work, or does not, as the records say.
    pub(super) fn bar_as_kept(&mut self, name: &MachineName) {
        let barred = self.book.drain(name).is_some() || self.book.aside(name).is_some();
        let barred = barred || self.is_given_up(name);
        self.fleet.bar(name, barred);
    }

    /// A hub lives, and these are its machines.
    pub(super) fn heartbeat(&mut self, beat: HubHeartbeat, now: Timestamp, effects: &mut Effects) {
        if !self.hub_speaks(&beat.hub, &beat.session, now, effects) {
            return;
        }
        let mut changed = false;
        if let Some(hub) = self.fleet.hubs.get_mut(&beat.hub)
            && hub.draining != beat.draining
        {
            hub.draining = beat.draining;
            for machine in self.fleet.of_hub(&beat.hub) {
                self.fleet.refresh(&machine);
            }
            changed = true;
        }
        for report in beat.machines {
            if let Some(attempt) = &report.busy {
                self.mention(attempt, now);
                if self.is_forsaken(attempt)
                    && self.fleet.cancelled.get(&report.machine) != Some(attempt)
                {
                    let (machine, attempt) = (report.machine.clone(), attempt.clone());
                    self.cancel(
                        &beat.hub,
                        &attempt,
                        &format!("beat:{}", beat.seq),
                        now,
                        effects,
                    );
                    self.fleet.cancelled.insert(machine, attempt);
                }
            }
            let owned = report.clone();
            let taken = self.fleet.report(&beat.hub, report, beat.seq, now);
            self.reconsider(&owned.machine, now);
            self.see_owned(&beat.hub, &owned, now, effects);
            changed |= taken;
        }
        self.note_left(now, effects);
        if changed {
            effects.dirty.insert(ViewKey::Farm);
        }
    }

    /// Notes that a hub spoke; false if it was its past self. A new life loses all that the old one ran.
    pub(super) fn hub_speaks(
        &mut self,
        hub: &HubId,
        session: &HubSession,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        match self.fleet.hear(hub, session, now, self.policy.grace) {
            Word::Present => true,
            Word::Past => {
                effects.ignored += 1;
                false
            }
            Word::NewLife => {
                self.fleet.begin_anew(hub);
                self.lose_other_sessions(hub, session, now, effects);
                effects.dirty.insert(ViewKey::Farm);
                true
            }
        }
    }

    /// A machine's connection ended. What it ran is reported by its hub.
    pub(super) fn machine_gone(
        &mut self,
        gone: &MachineGone,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if !self.hub_speaks(&gone.hub, &gone.session, now, effects) {
            return;
        }
        let newer = self
            .fleet
            .machine(&gone.machine)
            .is_some_and(|machine| machine.seq < gone.seq);
        if newer && !gone.dismissed {
            self.note_went(&gone.machine, now, effects);
        }
        if self.fleet.leave(&gone.machine, gone.seq, now) {
            effects.dirty.insert(ViewKey::Farm);
        }
        if gone.dismissed {
            self.order_dismissed(&gone.machine, &gone.reason, now, effects);
        }
        self.note_left(now, effects);
    }

    /// Machines that nobody has spoken of for the grace period are gone.
    pub(super) fn forget_silent_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        self.fleet.forget_gone(earlier(now, KNOWN_AS_GONE));
        let silent: Vec<MachineId> = self
            .fleet
            .machines()
            .filter(|machine| {
                // What it runs is lost first: whether others lose as well says whose fault that is.
                machine.lease.is_none()
                    && now.duration_since(machine.seen.max(self.listening_since))
                        > self.policy.grace
            })
            .take(FORGOTTEN_AT_ONCE)
            .map(|machine| machine.id.clone())
            .collect();
        for id in silent {
            self.note_went(&id, now, effects);
            self.fleet.remove(&id);
            effects.dirty.insert(ViewKey::Farm);
        }
        self.note_left(now, effects);
    }
}
