//! What went wrong with machines, and which of them went: memory of bounded size.

use std::time::Instant;

use farm_model::id::MachineId;

use super::Machine;
use super::census::{Gone, Trouble};
use super::registry::{MAX_MACHINES, State};
use crate::text::one_line;

/// Machines that are remembered after they went.
const MAX_GONE: usize = 20;

/// Of what went wrong, in characters.
const TEXT: usize = 300;

impl State {
    /// The last thing that went wrong with the machine.
    pub(super) fn trouble(&mut self, id: &MachineId, text: &str) {
        // Those of machines that no longer come make room first.
        if self.troubles.len() >= MAX_MACHINES && !self.troubles.contains_key(id) {
            let machines = &self.machines;
            self.troubles.retain(|id, _| machines.contains_key(id));
        }
        self.troubles.insert(id.clone(), now(text));
    }

    /// The machine has left.
    pub(super) fn left(&mut self, machine: &Machine, reason: &str) {
        if self.gone.len() == MAX_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(Gone {
            id: machine.id.clone(),
            host_type: machine.host_type.clone(),
            why: now(reason),
        });
    }
}

fn now(text: &str) -> Trouble {
    Trouble {
        at: Instant::now(),
        text: one_line(text, TEXT),
    }
}
