//! The right to use a machine.

use std::sync::Arc;

use super::{Held, Keeping, Machine, Registry};
use farm_model::config::Clean;
use farm_model::id::AttemptKey;

/// A machine taken for one attempt; it is free again when this is dropped.
pub struct Lease {
    registry: Arc<Registry>,
    machine: Arc<Machine>,
    attempt: AttemptKey,
    telling: bool,
    /// What becomes of the machine if this is dropped without a word.
    spoiled: Option<&'static str>,
    /// What the machine was kept for, until now.
    continued: Option<Held>,
    /// What it is kept for afterwards.
    held: Option<Held>,
}

impl Lease {
    pub(super) fn new(
        registry: Arc<Registry>,
        machine: Arc<Machine>,
        attempt: AttemptKey,
        continued: Option<Held>,
    ) -> Self {
        Self {
            registry,
            machine,
            attempt,
            telling: false,
            spoiled: None,
            continued,
            held: None,
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Takes the machine out of use before it goes away.
    pub fn retire(&self, reason: &str) {
        self.registry.retire(&self.machine, reason);
    }

    /// Takes a machine out of use with which nothing is wrong.
    pub fn dismiss(&self, reason: &str) {
        self.registry.dismiss(&self.machine, reason);
    }

    /// From here on the machine is only used again if it is handed back: an attempt that breaks off takes it along.
    pub fn spoil(&mut self, reason: &'static str) {
        self.spoiled = Some(reason);
    }

    /// Nothing has been done on the machine: it is kept as before.
    pub fn unused(mut self) {
        self.spoiled = None;
        self.held = self.continued.take();
    }

    /// Frees the machine, while heartbeats go on to speak of the attempt until [`Registry::told`].
    pub fn hand_back(mut self) {
        self.telling = true;
        self.spoiled = None;
    }
}

impl Lease {
    /// Keeps the machine as the attempt leaves it, and hands it back so. The one who keeps it hears when that
    /// is over, and then sees to it, see [`Registry::take_over`].
    pub fn hold(mut self, clean: Clean) -> Keeping {
        let held = Held::new(self.attempt.clone(), clean);
        let keeping = held.keeping();
        self.held = Some(held);
        self.hand_back();
        keeping
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(reason) = self.spoiled {
            // Nobody tells what came of its attempt.
            self.registry.remove(&self.machine, reason);
            return self.machine.close();
        }
        let left = (self.telling, self.held.take());
        self.registry.release(&self.machine, &self.attempt, left);
    }
}
