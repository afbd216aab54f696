//! Machines that must be halted before they are used again, whatever connection they come on.

use std::collections::{HashSet, VecDeque};

use farm_model::id::MachineId;

use super::Registry;
use super::registry::MAX_MACHINES;

/// Machines that ran something and have not been halted since. As many as there can be machines; then the oldest are
/// forgotten.
#[derive(Default)]
pub(super) struct Debts {
    owed: HashSet<MachineId>,
    order: VecDeque<MachineId>,
}

impl Debts {
    fn add(&mut self, id: &MachineId) {
        if !self.owed.insert(id.clone()) {
            return;
        }
        self.order.push_back(id.clone());
        if self.order.len() > MAX_MACHINES
            && let Some(oldest) = self.order.pop_front()
        {
            self.owed.remove(&oldest);
        }
    }

    fn pay(&mut self, id: &MachineId) {
        if self.owed.remove(id) {
            self.order.retain(|other| other != id);
        }
    }
}

impl Registry {
    /// Something begins to run on a machine that is halted after every attempt.
    pub fn owe_halt(&self, id: &MachineId) {
        self.state.lock().debts.add(id);
    }

    /// Whether the machine has run something since it was last halted: its connection broke meanwhile.
    pub fn owes_halt(&self, id: &MachineId) -> bool {
        self.state.lock().debts.owed.contains(id)
    }

    /// The machine was told to halt, and went.
    pub fn halted(&self, id: &MachineId) {
        self.state.lock().debts.pay(id);
    }
}
