//! The one place that knows which machines there are.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use farm_model::id::{AttemptKey, MachineId};
use farm_model::message::progress::Missing;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::census::{Gone, Trouble};
use super::debts::Debts;
use super::holds::Lent;
use super::{Held, Lease, Machine, NotHad};
use crate::status::StatusSender;
use crate::text::one_line;

/// The most machines of one hub.
pub const MAX_MACHINES: usize = 20_000;

/// Of why a machine went, in characters.
const REASON: usize = 300;

/// Machines by id, and what is still to be told of them.
pub struct Registry {
    pub(super) state: Mutex<State>,
    changed: Notify,
    status: StatusSender,
}

#[derive(Default)]
pub(super) struct State {
    pub machines: BTreeMap<MachineId, Entry>,
    /// Machines to be told of: where one is no longer there, why.
    pub untold: BTreeMap<MachineId, Departure>,
    busy: usize,
    pub draining: bool,
    /// Counts everything that is told of machines.
    pub seq: u64,
    /// What went wrong last, by machine.
    pub troubles: HashMap<MachineId, Trouble>,
    /// Machines that went, the last at the end.
    pub gone: VecDeque<Gone>,
    /// Machines that must be halted first.
    pub debts: Debts,
}

/// Why a machine is no longer there; nothing of one that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Departure {
    /// For people.
    pub reason: String,
    /// The hub itself took it out of use, and tells what came of the attempt on it.
    pub dismissed: bool,
}

impl Departure {
    fn of(reason: &str, dismissed: bool) -> Self {
        Self {
            reason: one_line(reason, REASON),
            dismissed,
        }
    }
}

pub(super) struct Entry {
    pub machine: Arc<Machine>,
    pub busy: Option<AttemptKey>,
    /// An attempt that is over here, of which the coordinator does not know yet. The machine may be used again, but
    /// heartbeats go on to speak of the attempt, so that it does not count as forgotten.
    pub telling: Option<AttemptKey>,
    /// What it is kept for, while it works on nothing.
    pub held: Option<Held>,
    /// What it is kept for, while a job has it that may go on with that.
    pub lent: Option<Lent>,
    /// Since when it has been busy, or idle.
    pub since: Instant,
}

impl Registry {
    /// An empty one that keeps `status` up to date.
    pub fn new(status: StatusSender) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            status,
        }
    }

    /// Takes a machine in; returns the one of the same name that it replaces.
    pub fn add(&self, machine: Arc<Machine>) -> Option<Arc<Machine>> {
        let mut state = self.state.lock();
        let entry = Entry {
            machine: Arc::clone(&machine),
            busy: None,
            telling: None,
            held: None,
            lent: None,
            since: Instant::now(),
        };
        let replaced = state.machines.insert(machine.id.clone(), entry);
        if replaced.as_ref().is_some_and(|entry| entry.busy.is_some()) {
            state.busy -= 1;
        }
        self.note(state, &machine.id);
        replaced.map(|entry| entry.machine)
    }

    /// Takes this machine out, if it is still the one of its name: something went wrong with it.
    pub fn remove(&self, machine: &Arc<Machine>, reason: &str) {
        self.take_out(machine, Departure::of(reason, false), true);
    }

    /// The same, where the hub itself no longer wants it.
    pub fn retire(&self, machine: &Arc<Machine>, reason: &str) {
        self.take_out(machine, Departure::of(reason, true), true);
    }

    /// The same, where all is as it should be.
    pub fn dismiss(&self, machine: &Arc<Machine>, reason: &str) {
        self.take_out(machine, Departure::of(reason, true), false);
    }

    fn take_out(&self, machine: &Arc<Machine>, departure: Departure, trouble: bool) {
        let mut state = self.state.lock();
        let Slot::Occupied(slot) = state.machines.entry(machine.id.clone()) else {
            return;
        };
        if !Arc::ptr_eq(&slot.get().machine, machine) {
            return;
        }
        if slot.remove().busy.is_some() {
            state.busy -= 1;
        }
        state.left(machine, &departure.reason);
        if trouble {
            state.trouble(&machine.id, &departure.reason);
        }
        self.tell_of(state, &machine.id, departure);
    }

    /// Takes the machine for `attempt`, which may go on from where another left it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn claim(
        self: &Arc<Self>,
        id: &MachineId,
        attempt: &AttemptKey,
        continues: Option<&AttemptKey>,
    ) -> Result<Lease, NotHad> {
        let mut state = self.state.lock();
        if state.draining {
            return Err(NotHad::because("the hub is shutting down"));
        }
        let Some(entry) = state.machines.get_mut(id) else {
            let mut not_had = NotHad::because(format!("machine {id} is not connected"));
            not_had.missing = continues.map(|_| Missing::WorkDir);
            return Err(not_had);
        };
        if let Some(other) = &entry.busy {
            let text = format!("machine {id} works on {other}");
            return Err(NotHad::because(text));
        }
        let held = entry.take_held(id, continues)?;
        let machine = Arc::clone(&entry.machine);
        Ok(self.lease(state, &machine, attempt, held))
    }

    /// The machine works on `attempt` from now on.
    pub(super) fn lease(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        machine: &Arc<Machine>,
        attempt: &AttemptKey,
        continued: Option<Held>,
    ) -> Lease {
        if let Some(entry) = state.machines.get_mut(&machine.id) {
            entry.busy = Some(attempt.clone());
            entry.telling = None;
            entry.since = Instant::now();
        }
        state.busy += 1;
        self.note(state, &machine.id);
        let machine = Arc::clone(machine);
        Lease::new(Arc::clone(self), machine, attempt.clone(), continued)
    }

    /// The machine is free again, or kept, if it is still there and works on `attempt`; `telling` if the attempt's report is
    /// yet to be published.
    pub(super) fn release(
        &self,
        machine: &Arc<Machine>,
        attempt: &AttemptKey,
        (telling, held): (bool, Option<Held>),
    ) {
        let mut state = self.state.lock();
        let draining = state.draining;
        let Some(entry) = state.machines.get_mut(&machine.id) else {
            return;
        };
        if !Arc::ptr_eq(&entry.machine, machine) || entry.busy.as_ref() != Some(attempt) {
            return;
        }
        let is_held = held.is_some();
        entry.lent = None;
        entry.held = held;
        if let Some(held) = &entry.held {
            held.is_back();
            if draining {
                held.release();
            }
        }
        entry.telling = entry.busy.take().filter(|_| telling);
        entry.since = Instant::now();
        state.busy -= 1;
        if telling && !is_held {
            // Nothing that is told has changed.
            self.count(state);
        } else {
            self.note(state, &machine.id);
        }
    }

    /// The coordinator has been told that `attempt` is over: nobody need speak of it any more.
    pub fn told(&self, id: &MachineId, attempt: &AttemptKey) {
        let mut state = self.state.lock();
        let Some(entry) = state.machines.get_mut(id) else {
            return;
        };
        if entry.telling.as_ref() == Some(attempt) {
            entry.telling = None;
            self.note(state, id);
        }
    }

    /// The machine of that id.
    pub fn get(&self, id: &MachineId) -> Option<Arc<Machine>> {
        let state = self.state.lock();
        state
            .machines
            .get(id)
            .map(|entry| Arc::clone(&entry.machine))
    }

    /// Whether this machine is there and works on nothing.
    pub fn is_idle(&self, machine: &Arc<Machine>) -> bool {
        let state = self.state.lock();
        let entry = state.machines.get(&machine.id);
        entry.is_some_and(|entry| Arc::ptr_eq(&entry.machine, machine) && entry.busy.is_none())
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.state.lock().machines.len() < MAX_MACHINES
    }

    /// From now on no machine can be claimed, and none is kept for anything.
    pub fn drain(&self) {
        let mut state = self.state.lock();
        state.draining = true;
        let held = state
            .machines
            .values()
            .filter_map(|entry| entry.held.as_ref());
        held.for_each(Held::release);
        drop(state);
        self.status.send_modify(|status| status.draining = true);
        self.changed.notify_one();
    }

    /// Whether no machine can be claimed any more.
    pub fn is_draining(&self) -> bool {
        self.state.lock().draining
    }

    /// Returns when there is something new to tell. For the one who tells.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Marks a machine that is there as to be told of.
    fn note(&self, state: MutexGuard<'_, State>, id: &MachineId) {
        self.tell_of(state, id, Departure::default());
    }

    fn tell_of(&self, mut state: MutexGuard<'_, State>, id: &MachineId, departure: Departure) {
        state.untold.insert(id.clone(), departure);
        self.count(state);
        self.changed.notify_one();
    }

    /// Brings the status up to date. Under the lock, so that the last to change it is the last to say so.
    fn count(&self, state: MutexGuard<'_, State>) {
        self.status.send_modify(|status| {
            status.machines = state.machines.len();
            status.busy = state.busy;
        });
    }
}
