//! Hubs and machines, as far as their heartbeats tell. Nothing of this is stored: it is heard again within seconds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{AttemptKey, HostType, HubId, HubSession, MachineId, MachineName};
use farm_model::message::progress::{HubHeartbeat, MachineGone, MachineReport};

use super::Farm;
use crate::effects::{Effects, ViewKey};

/// Past lives of a hub that are remembered, so that a late message of one is not taken for a new life.
const PAST_SESSIONS: usize = 16;

/// A hub.
#[derive(Debug)]
pub struct Hub {
    /// Its life.
    pub session: HubSession,
    /// When it last spoke, by our clock.
    pub heard: Timestamp,
    /// It takes no new work.
    pub draining: bool,
    past: Vec<HubSession>,
}

/// A connected machine.
#[derive(Debug)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its hub.
    pub hub: HubId,
    /// What it is.
    pub host_type: HostType,
    /// What we leased it for.
    pub lease: Option<AttemptKey>,
    /// What its hub says it works on.
    pub busy: Option<AttemptKey>,
    /// What its hub keeps it for: a job that continues this attempt.
    pub held: Option<AttemptKey>,
    /// What it can do beyond its host type.
    pub labels: BTreeSet<String>,
    /// What its trust hangs on.
    pub identity: Option<String>,
    /// When its hub last spoke of it, by our clock.
    pub seen: Timestamp,
    seq: u64,
}

/// All of them, with the idle ones by host type.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    hubs: BTreeMap<HubId, Hub>,
    machines: BTreeMap<MachineId, Machine>,
    idle: BTreeMap<HostType, BTreeSet<MachineId>>,
    /// How many there are of each host type.
    counts: BTreeMap<HostType, usize>,
    /// Leases of machines, also of those not heard of yet.
    leases: BTreeMap<MachineId, AttemptKey>,
    /// How many machines of each name are connected: one that changes hubs is on both for a moment.
    names: BTreeMap<MachineName, usize>,
    /// Names of which none is left.
    left: Vec<MachineName>,
    /// Names of machines that are not to be used: drained, or set aside.
    barred: BTreeSet<MachineName>,
    /// What each machine's hub was last told to cancel because a heartbeat spoke of it.
    cancelled: BTreeMap<MachineId, AttemptKey>,
}

/// What a hub's word is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Of its present life.
    Present,
    /// The first of a new life: all it drove before is gone.
    NewLife,
    /// Of a past life: to be ignored.
    Past,
}

impl Fleet {
    pub(super) fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    pub(super) fn hubs(&self) -> impl Iterator<Item = (&HubId, &Hub)> {
        self.hubs.iter()
    }

    pub(super) fn machine(&self, id: &MachineId) -> Option<&Machine> {
        self.machines.get(id)
    }

    pub(super) fn hub(&self, id: &HubId) -> Option<&Hub> {
        self.hubs.get(id)
    }

    /// Notes that a hub spoke.
    pub(super) fn hear(
        &mut self,
        hub: &HubId,
        session: &HubSession,
        now: Timestamp,
        grace: jiff::SignedDuration,
    ) -> Word {
        let Some(known) = self.hubs.get_mut(hub) else {
            let fresh = Hub {
                session: session.clone(),
                heard: now,
                draining: false,
                past: Vec::new(),
            };
            self.hubs.insert(hub.clone(), fresh);
            return Word::NewLife;
        };
        if known.session == *session {
            known.heard = now;
            return Word::Present;
        }
        // A session begins with the time of its start. A past one that goes on while the present one is silent is the
        // living one all the same: its host's clock was set back.
        let past = *session < known.session || known.past.contains(session);
        if past && now.duration_since(known.heard) <= grace {
            return Word::Past;
        }
        known.past.retain(|of| of != session);
        known
            .past
            .push(std::mem::replace(&mut known.session, session.clone()));
        if known.past.len() > PAST_SESSIONS {
            known.past.remove(0);
        }
        known.heard = now;
        known.draining = false;
        Word::NewLife
    }

    /// The machine is leased from now on.
    pub(super) fn reserve(&mut self, machine: &MachineId, attempt: &AttemptKey) {
        self.leases.insert(machine.clone(), attempt.clone());
        self.refresh(machine);
    }

    /// The lease is over, if it is this one.
    pub(super) fn release(&mut self, machine: &MachineId, attempt: &AttemptKey) {
        if self.leases.get(machine) == Some(attempt) {
            self.leases.remove(machine);
        }
        if let Some(known) = self.machines.get_mut(machine)
            && known.busy.as_ref() == Some(attempt)
        {
            known.busy = None;
        }
        self.refresh(machine);
    }

    /// The machine is not to be used until its hub speaks of it again.
    pub(super) fn suspect(&mut self, machine: &MachineId) {
        if let Some(known) = self.machines.get(machine)
            && let Some(idle) = self.idle.get_mut(&known.host_type)
        {
            idle.remove(machine);
        }
    }

    /// How many machines of a host type are connected.
    pub(super) fn count(&self, host: &HostType) -> usize {
        self.counts.get(host).copied().unwrap_or(0)
    }

    /// Idle machines of a host type.
    pub(super) fn idle(&self, host: &HostType) -> impl Iterator<Item = &MachineId> {
        self.idle.get(host).into_iter().flatten()
    }

    /// Takes in one machine's report; true if pages should show a change.
    fn report(&mut self, hub: &HubId, report: MachineReport, seq: u64, now: Timestamp) -> bool {
        let known = self.machines.get_mut(&report.machine);
        let changed = match known {
            Some(machine) if machine.seq >= seq => return false,
            Some(machine) => {
                let changed = machine.busy != report.busy || machine.host_type != report.host_type;
                if machine.host_type != report.host_type
                    && let Some(idle) = self.idle.get_mut(&machine.host_type)
                {
                    idle.remove(&machine.id);
                }
                less(&mut self.counts, &machine.host_type);
                more(&mut self.counts, &report.host_type);
                machine.busy = report.busy;
                machine.held = report.held;
                machine.labels = report.labels;
                machine.identity = report.identity;
                machine.host_type = report.host_type;
                machine.seen = now;
                machine.seq = seq;
                changed
            }
            None => {
                let machine = Machine {
                    id: report.machine.clone(),
                    hub: hub.clone(),
                    host_type: report.host_type,
                    lease: None,
                    busy: report.busy,
                    held: report.held,
                    labels: report.labels,
                    identity: report.identity,
                    seen: now,
                    seq,
                };
                more(&mut self.counts, &machine.host_type);
                if let Some(name) = machine.id.name() {
                    *self.names.entry(name).or_default() += 1;
                }
                self.machines.insert(machine.id.clone(), machine);
                true
            }
        };
        self.refresh(&report.machine);
        changed
    }

    fn remove(&mut self, id: &MachineId) -> bool {
        self.cancelled.remove(id);
        let Some(machine) = self.machines.remove(id) else {
            return false;
        };
        if let Some(idle) = self.idle.get_mut(&machine.host_type) {
            idle.remove(id);
        }
        less(&mut self.counts, &machine.host_type);
        if let Some(name) = id.name()
            && let Some(count) = self.names.get_mut(&name)
        {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&name);
                self.left.push(name);
            }
        }
        true
    }

    /// Whether a machine of that name is connected to any hub.
    pub(super) fn has_name(&self, name: &MachineName) -> bool {
        self.names.contains_key(name)
    }

    /// Whether it is connected to one hub, and one only.
    pub(super) fn has_name_once(&self, name: &MachineName) -> bool {
        self.names.get(name) == Some(&1)
    }

    /// Names that have gone since this was asked last.
    pub(super) fn take_left(&mut self) -> Vec<MachineName> {
        std::mem::take(&mut self.left)
    }

    /// Whether any hub has been heard since `since`.
    pub(super) fn hears_any(&self, since: Timestamp) -> bool {
        self.hubs.values().any(|hub| hub.heard >= since)
    }

    /// Puts the machine among the idle ones, or takes it out.
    fn refresh(&mut self, id: &MachineId) {
        let Some(machine) = self.machines.get_mut(id) else {
            return;
        };
        machine.lease = self.leases.get(id).cloned();
        let draining = self.hubs.get(&machine.hub).is_none_or(|hub| hub.draining);
        let barred = id.name().is_some_and(|name| self.barred.contains(&name));
        let idle = machine.lease.is_none() && machine.busy.is_none() && !draining && !barred;
        let set = self.idle.entry(machine.host_type.clone()).or_default();
        if idle {
            set.insert(id.clone());
        } else {
            set.remove(id);
        }
    }

    /// Machines of that name may be used, or not.
    pub(super) fn bar(&mut self, name: &MachineName, barred: bool) {
        if barred {
            self.barred.insert(name.clone());
        } else {
            self.barred.remove(name);
        }
        let of_name = |id: &&MachineId| id.name().as_ref() == Some(name);
        let named: Vec<MachineId> = self.machines.keys().filter(of_name).cloned().collect();
        for id in named {
            self.refresh(&id);
        }
    }

    /// The machine is kept as this attempt left it, as its hub will soon say.
    pub(super) fn hold(&mut self, id: &MachineId, attempt: AttemptKey) {
        if let Some(machine) = self.machines.get_mut(id) {
            machine.held = Some(attempt);
        }
    }

    /// Nothing is left on the machine to go on from.
    pub(super) fn let_go(&mut self, id: &MachineId) {
        if let Some(machine) = self.machines.get_mut(id) {
            machine.held = None;
        }
    }

    fn of_hub(&self, hub: &HubId) -> Vec<MachineId> {
        self.machines
            .values()
            .filter(|machine| machine.hub == *hub)
            .map(|machine| machine.id.clone())
            .collect()
    }
}

fn more(counts: &mut BTreeMap<HostType, usize>, host: &HostType) {
    *counts.entry(host.clone()).or_default() += 1;
}

fn less(counts: &mut BTreeMap<HostType, usize>, host: &HostType) {
    if let Some(count) = counts.get_mut(host) {
        *count = count.saturating_sub(1);
    }
}

impl Farm {
    /// How many machines of a host type are connected.
    #[must_use]
    pub fn machines_of(&self, host: &HostType) -> usize {
        self.fleet.count(host)
    }

    /// A machine was drained or set aside, or is used again.
    pub(super) fn machines_changed(&mut self, name: &MachineName) {
        let barred = self.book.drain(name).is_some() || self.book.aside(name).is_some();
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
                for machine in self.fleet.of_hub(hub) {
                    self.fleet.remove(&machine);
                }
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
        if newer && self.fleet.remove(&gone.machine) {
            effects.dirty.insert(ViewKey::Farm);
        }
        self.note_left(now, effects);
    }

    /// Machines that nobody has spoken of for the grace period are gone.
    pub(super) fn forget_silent_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        let silent: Vec<MachineId> = self
            .fleet
            .machines()
            .filter(|machine| {
                now.duration_since(machine.seen.max(self.listening_since)) > self.policy.grace
            })
            .map(|machine| machine.id.clone())
            .collect();
        for id in silent {
            self.fleet.remove(&id);
            effects.dirty.insert(ViewKey::Farm);
        }
        self.note_left(now, effects);
    }
}
