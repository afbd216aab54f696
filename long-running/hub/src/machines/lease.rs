//! The right to use a machine.

use std::sync::Arc;

use farm_model::id::AttemptKey;

use super::{Machine, Registry};

/// A machine taken for one attempt; it is free again when this is dropped.
pub struct Lease {
    registry: Arc<Registry>,
    machine: Arc<Machine>,
    attempt: AttemptKey,
    telling: bool,
}

impl Lease {
    pub(super) fn new(registry: Arc<Registry>, machine: Arc<Machine>, attempt: AttemptKey) -> Self {
        Self {
            registry,
            machine,
            attempt,
            telling: false,
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Takes the machine out of use before it goes away.
    pub fn retire(&self, reason: &str) {
        self.registry.remove(&self.machine, reason);
    }
    /// Frees the machine, while heartbeats go on to speak of the attempt until [`Registry::told`].
    pub fn hand_back(mut self) {
        self.telling = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.registry
            .release(&self.machine, &self.attempt, self.telling);
    }
}
