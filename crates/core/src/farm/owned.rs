//! Machines that belong to somebody: the owner is told once when one is missing, and once when it is back. Stored, so
//! that neither a restart nor a new leader tells it again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{HubId, MachineName};
use farm_model::message::progress::MachineReport;
use farm_model::message::result::{MachineBack, MachineMissing};
use farm_model::record::{Away, OwnedMachine};

use super::Farm;
use crate::effects::{Effects, ViewKey};
use crate::policy::earlier;

/// Owners told in one look at the time.
const TOLD_AT_ONCE: usize = 100;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Owned {
    machines: BTreeMap<MachineName, OwnedMachine>,
    /// Those away of which nobody has been told, longest away first.
    untold: BTreeSet<(Timestamp, MachineName)>,
    /// Those that were connected when the last leader ended, and have not been heard of since.
    pub(super) unheard: BTreeSet<MachineName>,
    /// When it was last seen that no hub lives.
    pub(super) hubless: Option<Timestamp>,
}

impl Owned {
    /// As they were saved.
    pub(super) fn new(saved: Vec<OwnedMachine>) -> Self {
        let mut owned = Self::default();
        for machine in saved {
            match machine.away {
                None => drop(owned.unheard.insert(machine.name.clone())),
                Some(_) => owned.expect_telling(&machine),
            }
            owned.machines.insert(machine.name.clone(), machine);
        }
        owned
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OwnedMachine> {
        self.machines.values()
    }

    fn expect_telling(&mut self, machine: &OwnedMachine) {
        if let Some(Away { since, told: false }) = machine.away
            && machine.owner.is_some()
        {
            self.untold.insert((since, machine.name.clone()));
        }
    }

    /// It is away from now on, if it was not.
    fn leave(&mut self, name: &MachineName, since: Timestamp) -> Option<OwnedMachine> {
        let machine = self.machines.get_mut(name)?;
        if machine.away.is_some() {
            return None;
        }
        machine.away = Some(Away { since, told: false });
        let machine = machine.clone();
        self.expect_telling(&machine);
        Some(machine)
    }
}

impl Farm {
    /// A hub speaks of a machine, which may belong to somebody.
    pub(super) fn see_owned(
        &mut self,
        hub: &HubId,
        report: &MachineReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(name) = report.machine.name() else {
            return;
        };
        let Some(machine) = self.owned.machines.get_mut(&name) else {
            if report.owner.is_some() {
                let machine = OwnedMachine {
                    name: name.clone(),
                    owner: report.owner.clone(),
                    host_type: report.host_type.clone(),
                    hub: hub.clone(),
                    away: None,
                };
                effects.owned.insert(name.clone(), machine.clone());
                self.owned.machines.insert(name, machine);
            }
            return;
        };
        self.owned.unheard.remove(&name);
        let mut changed = false;
        if let Some(away) = machine.away.take() {
            self.owned.untold.remove(&(away.since, name.clone()));
            machine.hub = hub.clone();
            changed = true;
            if away.told {
                tell_back(machine, away.since, now, effects);
            }
            effects.dirty.insert(ViewKey::Farm);
        }
        // Where two hubs speak of a machine for a moment, what they say of it may differ: then neither counts. Nor
        // does a hub that could not look.
        let sure = self.fleet.has_name_once(&name) && !report.owner_unread;
        if sure && (machine.owner != report.owner || machine.host_type != report.host_type) {
            machine.owner.clone_from(&report.owner);
            machine.host_type = report.host_type.clone();
            changed = true;
        }
        if changed {
            effects.owned.insert(name, machine.clone());
        }
    }

    /// Notes which of them have just left.
    pub(super) fn note_left(&mut self, now: Timestamp, effects: &mut Effects) {
        for name in self.fleet.take_left() {
            if !self.fleet.has_name(&name) {
                self.note_away(&name, now, effects);
            }
        }
    }

    fn note_away(&mut self, name: &MachineName, since: Timestamp, effects: &mut Effects) {
        if let Some(machine) = self.owned.leave(name, since) {
            effects.owned.insert(machine.name.clone(), machine);
            effects.dirty.insert(ViewKey::Farm);
        }
    }

    /// Tells owners whose machines have been away for long. While we do not hear, or no hub lives, nobody is missed: that
    /// is our fault, not the machines'.
    pub(super) fn miss_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        if now.duration_since(self.listening_since) < self.policy.settle {
            return;
        }
        if !self.fleet.hears_any(earlier(now, self.policy.grace)) {
            self.owned.hubless = Some(now);
            return;
        }
        // Machines take a while to come back to a hub that was away.
        let hubless = self.owned.hubless;
        if hubless.is_some_and(|at| now.duration_since(at) < self.policy.settle) {
            return;
        }
        for name in std::mem::take(&mut self.owned.unheard) {
            if !self.fleet.has_name(&name) {
                self.note_away(&name, self.listening_since, effects);
            }
        }
        for _ in 0..TOLD_AT_ONCE {
            let due = self.owned.untold.first();
            let due =
                due.filter(|(since, _)| now.duration_since(*since) >= self.policy.missing_after);
            let Some((since, name)) = due.cloned() else {
                return;
            };
            self.owned.untold.remove(&(since, name.clone()));
            if let Some(machine) = self.owned.machines.get_mut(&name) {
                machine.away = Some(Away { since, told: true });
                tell_missing(machine, since, now, effects);
                effects.owned.insert(name, machine.clone());
            }
        }
    }
}

fn tell_missing(machine: &OwnedMachine, since: Timestamp, now: Timestamp, effects: &mut Effects) {
    let Some(owner) = machine.owner.clone() else {
        return;
    };
    let id = format!("missing:{}:{}", machine.name, since.as_nanosecond());
    let missing = MachineMissing {
        machine: machine.name.clone(),
        host_type: machine.host_type.clone(),
        owner,
        hub: machine.hub.clone(),
        since,
    };
    effects.tell(id, now, &missing);
}

/// To whom it was said that it is missing.
fn tell_back(machine: &OwnedMachine, since: Timestamp, now: Timestamp, effects: &mut Effects) {
    let Some(owner) = machine.owner.clone() else {
        return;
    };
    let id = format!("back:{}:{}", machine.name, since.as_nanosecond());
    let back = MachineBack {
        machine: machine.name.clone(),
        host_type: machine.host_type.clone(),
        owner,
        hub: machine.hub.clone(),
        since,
        at: now,
    };
    effects.tell(id, now, &back);
}
