//! Hubs and machines, as far as their heartbeats tell. Nothing of this is stored: it is heard again within seconds.

mod known;
mod machine;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::{AttemptKey, HostType, HubId, HubSession, MachineId, MachineName};
use farm_model::message::progress::MachineReport;

use super::idle::{Idle, Standing};
pub(super) use known::Known;
pub use machine::Machine;

/// Past lives of a hub that are remembered, so that a late message of one is not taken for a new life.
const PAST_SESSIONS: usize = 16;

/// A hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hub {
    /// Its life.
    pub session: HubSession,
    /// When it last spoke, by our clock.
    pub heard: Timestamp,
    /// It takes no new work.
    pub draining: bool,
    past: Vec<HubSession>,
    /// Whether it has been found silent since it spoke last.
    silent: bool,
}

/// All of them, with the idle ones by what they can do.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    pub(super) hubs: BTreeMap<HubId, Hub>,
    machines: BTreeMap<MachineId, Machine>,
    by_host: BTreeMap<HostType, BTreeSet<MachineId>>,
    by_hub: BTreeMap<HubId, BTreeSet<MachineId>>,
    /// Machines that have left, by which message of their hub, and when.
    gone: BTreeMap<MachineId, (u64, Timestamp)>,
    idle: Idle,
    /// Those kept for the next job of a run, and otherwise idle.
    held: BTreeSet<MachineId>,
    /// Those that have yet to prove themselves, and are otherwise idle.
    unproved: BTreeSet<MachineId>,
    /// Leases of machines, also of those not heard of yet.
    leases: BTreeMap<MachineId, AttemptKey>,
    /// The machines of each name that are connected: one that changes hubs is on both for a moment.
    names: BTreeMap<MachineName, BTreeSet<MachineId>>,
    /// Names of which none is left.
    left: Vec<MachineName>,
    /// Names of machines that are not to be used: drained, or set aside.
    barred: BTreeSet<MachineName>,
    /// What each machine's hub was last told to cancel because a heartbeat spoke of it.
    pub(super) cancelled: BTreeMap<MachineId, AttemptKey>,
    /// Host types of which a machine's standing has changed.
    changed: BTreeSet<HostType>,
    /// Whether a host type has got its first machine.
    arrived: bool,
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
    pub(super) fn machines(&self) -> impl ExactSizeIterator<Item = &Machine> {
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

    /// A hub ran something in this life when the last leader ended.
    pub(super) fn expect(&mut self, hub: &HubId, session: &HubSession, now: Timestamp) {
        let known = self.hubs.entry(hub.clone()).or_insert_with(|| Hub {
            session: session.clone(),
            heard: now,
            draining: false,
            past: Vec::new(),
            silent: false,
        });
        if known.session < *session {
            known.session = session.clone();
        }
    }

    /// Whether a hub has just fallen silent.
    pub(super) fn newly_silent(
        &mut self,
        listening: Timestamp,
        grace: jiff::SignedDuration,
        now: Timestamp,
    ) -> bool {
        let mut any = false;
        for hub in self.hubs.values_mut().filter(|hub| !hub.silent) {
            hub.silent = now.duration_since(hub.heard.max(listening)) > grace;
            any |= hub.silent;
        }
        any
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
                silent: false,
            };
            self.hubs.insert(hub.clone(), fresh);
            return Word::NewLife;
        };
        if known.session == *session {
            known.silent = false;
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
        known.silent = false;
        known.draining = false;
        Word::NewLife
    }

    /// The machine is leased from now on.
    pub(super) fn reserve(&mut self, machine: &MachineId, attempt: &AttemptKey) {
        self.leases.insert(machine.clone(), attempt.clone());
        self.idle.used(machine);
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
        self.change(machine, |machine| machine.suspect = true);
    }

    /// The machine has to prove itself, or has.
    pub(super) fn set_unproved(&mut self, machine: &MachineId, unproved: bool) {
        self.change(machine, |machine| machine.unproved = unproved);
    }

    fn change(&mut self, id: &MachineId, change: impl FnOnce(&mut Machine)) {
        if let Some(machine) = self.machines.get_mut(id) {
            change(machine);
            self.refresh(id);
        }
    }

    /// How many machines of a host type are connected.
    pub(super) fn count(&self, host: &HostType) -> usize {
        self.by_host.get(host).map_or(0, BTreeSet::len)
    }

    /// Machines of a host type.
    pub(super) fn of_host(&self, host: &HostType) -> impl Iterator<Item = &Machine> {
        let ids = self.by_host.get(host).into_iter().flatten();
        ids.filter_map(|id| self.machines.get(id))
    }

    /// The idle ones.
    pub(super) fn idle(&self) -> &Idle {
        &self.idle
    }

    /// What needs may ask for, beyond which labels make no difference.
    pub(super) fn mention(&mut self, labels: BTreeSet<String>) {
        if self.idle.mention(labels) {
            let all: Vec<MachineId> = self.machines.keys().cloned().collect();
            for id in all {
                self.refresh(&id);
            }
        }
    }

    /// How many losses speak against the machines of a name.
    pub(super) fn set_losses(&mut self, name: &MachineName, losses: usize) {
        self.idle.set_losses(name, losses);
        self.refresh_named(name);
    }

    /// Those kept for the next job of a run, and otherwise idle.
    pub(super) fn held(&self) -> impl Iterator<Item = (&MachineId, &AttemptKey)> {
        let machines = self.held.iter().filter_map(|id| self.machines.get(id));
        machines.filter_map(|machine| Some((&machine.id, machine.held.as_ref()?)))
    }

    /// Those that have yet to prove themselves, and are otherwise idle.
    pub(super) fn unproved(&self) -> impl Iterator<Item = &MachineId> {
        self.unproved.iter()
    }

    /// Names connected.
    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    /// Machines connected to a hub.
    pub(super) fn count_of(&self, hub: &HubId) -> usize {
        self.by_hub.get(hub).map_or(0, BTreeSet::len)
    }

    /// Machines of a name.
    pub(super) fn named(&self, name: &MachineName) -> impl Iterator<Item = &MachineId> {
        self.names.get(name).into_iter().flatten()
    }

    /// Host types of which a machine's standing has changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> BTreeSet<HostType> {
        std::mem::take(&mut self.changed)
    }

    /// Takes in one machine's report; true if pages should show a change.
    pub(super) fn report(
        &mut self,
        hub: &HubId,
        report: MachineReport,
        seq: u64,
        now: Timestamp,
    ) -> bool {
        let known = self.machines.get(&report.machine);
        let left = self.gone.get(&report.machine).map(|(of, _)| *of);
        let latest = known.map(|machine| machine.seq).max(left);
        if latest.is_some_and(|latest| latest >= seq) {
            return false;
        }
        let changed = known.is_none_or(|machine| {
            machine.busy != report.busy || machine.host_type != report.host_type
        });
        let first = Machine::new(hub, &report, now);
        let id = report.machine;
        self.gone.remove(&id);
        self.place(&id, hub, &report.host_type);
        let machine = self.machines.entry(id.clone());
        let machine = machine.or_insert_with(|| first);
        machine.busy = report.busy;
        machine.held = report.held;
        machine.labels = report.labels;
        machine.identity = report.identity;
        machine.host_type = report.host_type;
        machine.seen = now;
        machine.suspect = false;
        machine.seq = seq;
        self.refresh(&id);
        changed
    }

    /// The machine is of this host type, and of no other.
    fn place(&mut self, id: &MachineId, hub: &HubId, host: &HostType) {
        let of_hub = self.by_hub.entry(hub.clone()).or_default();
        of_hub.insert(id.clone());
        if let Some(known) = self.machines.get(id) {
            if known.host_type == *host {
                return;
            }
            self.displace(id);
        } else if let Some(name) = id.name() {
            self.names.entry(name).or_default().insert(id.clone());
        }
        let of_host = self.by_host.entry(host.clone()).or_default();
        self.arrived |= of_host.is_empty();
        of_host.insert(id.clone());
    }

    fn displace(&mut self, id: &MachineId) {
        let Some(host) = self
            .machines
            .get(id)
            .map(|machine| machine.host_type.clone())
        else {
            return;
        };
        if let Some(of_host) = self.by_host.get_mut(&host) {
            of_host.remove(id);
        }
        self.changed.insert(host);
    }

    pub(super) fn remove(&mut self, id: &MachineId) -> bool {
        self.cancelled.remove(id);
        self.displace(id);
        let Some(machine) = self.machines.remove(id) else {
            return false;
        };
        if let Some(of_hub) = self.by_hub.get_mut(&machine.hub) {
            of_hub.remove(id);
        }
        self.idle.remove(id);
        self.idle.forget(id);
        self.held.remove(id);
        self.unproved.remove(id);
        if let Some(name) = id.name()
            && let Some(ids) = self.names.get_mut(&name)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.names.remove(&name);
                self.left.push(name);
            }
        }
        true
    }

    /// Whether a host type has got its first machine since this was asked last.
    pub(super) fn take_arrived(&mut self) -> bool {
        std::mem::take(&mut self.arrived)
    }

    /// Whether a machine of that name is connected to any hub.
    pub(super) fn has_name(&self, name: &MachineName) -> bool {
        self.names.contains_key(name)
    }

    /// Whether it is connected to one hub, and one only.
    pub(super) fn has_name_once(&self, name: &MachineName) -> bool {
        self.names.get(name).is_some_and(|ids| ids.len() == 1)
    }

    /// Names that have gone since this was asked last.
    pub(super) fn take_left(&mut self) -> Vec<MachineName> {
        std::mem::take(&mut self.left)
    }

    /// Whether any hub has been heard since `since`.
    pub(super) fn hears_any(&self, since: Timestamp) -> bool {
        self.hubs.values().any(|hub| hub.heard >= since)
    }

    /// Puts the machine where its standing belongs.
    pub(super) fn refresh(&mut self, id: &MachineId) {
        let Some(machine) = self.machines.get_mut(id) else {
            return;
        };
        machine.lease = self.leases.get(id).cloned();
        let draining = self.hubs.get(&machine.hub).is_none_or(|hub| hub.draining);
        let barred = id.name().is_some_and(|name| self.barred.contains(&name));
        let standing = machine.stand(barred, draining);
        if machine.standing != standing {
            self.changed.insert(machine.host_type.clone());
            machine.standing = standing;
        }
        keep(&mut self.held, id, standing == Standing::Held);
        let proves = standing == Standing::Unproved && machine.is_free();
        keep(&mut self.unproved, id, proves);
        match standing {
            Standing::Idle => self.idle.put(machine),
            _ => self.idle.remove(id),
        }
    }

    /// Machines of that name may be used, or not.
    pub(super) fn bar(&mut self, name: &MachineName, barred: bool) {
        if barred {
            self.barred.insert(name.clone());
        } else {
            self.barred.remove(name);
        }
        self.refresh_named(name);
    }

    fn refresh_named(&mut self, name: &MachineName) {
        let named: Vec<MachineId> = self.named(name).cloned().collect();
        for id in named {
            self.refresh(&id);
        }
    }

    /// The machine is kept as this attempt left it, as its hub will soon say.
    pub(super) fn hold(&mut self, id: &MachineId, attempt: AttemptKey) {
        self.change(id, |machine| machine.held = Some(attempt));
    }

    /// Nothing is left on the machine to go on from.
    pub(super) fn let_go(&mut self, id: &MachineId) {
        self.change(id, |machine| machine.held = None);
    }

    /// Machines of a hub.
    pub(super) fn of_hub(&self, hub: &HubId) -> Vec<MachineId> {
        let ids = self.by_hub.get(hub).into_iter().flatten();
        ids.cloned().collect()
    }

    /// The machine has left, as its hub said in its message `seq`: what the hub said before and arrives late is no news.
    pub(super) fn leave(&mut self, id: &MachineId, seq: u64, now: Timestamp) -> bool {
        let newer = |machine: &Machine| machine.seq < seq;
        if self.machines.get(id).is_some_and(|machine| !newer(machine)) {
            return false;
        }
        self.gone.insert(id.clone(), (seq, now));
        self.remove(id)
    }

    /// Forgets which machines left before `limit`.
    pub(super) fn forget_gone(&mut self, limit: Timestamp) {
        self.gone.retain(|_, (_, at)| *at >= limit);
    }

    /// A hub begins anew, and so do its messages.
    pub(super) fn begin_anew(&mut self, hub: &HubId) {
        for id in self.of_hub(hub) {
            self.remove(&id);
        }
        self.gone.retain(|id, _| {
            let of = id.as_str().split_once('/').map(|(of, _)| of);
            of != Some(hub.as_str())
        });
    }
}

fn keep(set: &mut BTreeSet<MachineId>, id: &MachineId, inside: bool) {
    if inside {
        set.insert(id.clone());
    } else {
        set.remove(id);
    }
}
