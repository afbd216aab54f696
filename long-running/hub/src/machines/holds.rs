//! Machines that are kept as an attempt left them, for a job that goes on from there.

use std::sync::Arc;

use farm_model::config::Clean;
use farm_model::id::{AttemptKey, MachineId};
use farm_model::message::progress::Missing;
use tokio_util::sync::CancellationToken;

use super::registry::Entry;
use super::{Lease, Machine, Registry};

/// Why a machine cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHad {
    /// For people.
    pub reason: String,
    /// What the attempt would have gone on from.
    pub missing: Option<Missing>,
}

impl NotHad {
    /// For this reason, which says nothing of what the attempt goes on from.
    pub fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            missing: None,
        }
    }
}

/// One machine is kept so. Dropped, it is not any more, and whoever waits for the end of that is told.
#[derive(Debug)]
pub struct Held {
    attempt: AttemptKey,
    clean: Clean,
    over: CancellationToken,
}

impl Held {
    /// As `attempt` left it; afterwards it is cleaned as `clean` says.
    pub(super) fn new(attempt: AttemptKey, clean: Clean) -> Self {
        Self {
            attempt,
            clean,
            over: CancellationToken::new(),
        }
    }

    /// The attempt.
    pub(super) fn attempt(&self) -> &AttemptKey {
        &self.attempt
    }

    /// Cancelled when it is over.
    pub(super) fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// It need not be any longer.
    pub(super) fn release(&self) {
        self.over.cancel();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Entry {
    /// Lets an attempt that continues another have what that left, and any other end the keeping: who sends it wants the
    /// machine for it. One that is halted first can only be had when it has come back.
    pub(super) fn take_held(
        &mut self,
        id: &MachineId,
        continues: Option<&AttemptKey>,
    ) -> Result<Option<Held>, NotHad> {
        match (&self.held, continues) {
            (Some(held), Some(before)) if held.attempt == *before => Ok(self.held.take()),
            (_, Some(before)) => Err(NotHad {
                reason: format!("machine {id} is not as {before} left it"),
                missing: Some(Missing::WorkDir),
            }),
            (Some(held), None) if held.clean == Clean::Halt => {
                held.release();
                let before = &held.attempt;
                Err(NotHad::because(format!(
                    "machine {id} was kept for a job that continues {before}, and is halted now"
                )))
            }
            (_, None) => {
                self.held = None;
                Ok(None)
            }
        }
    }
}

impl Registry {
    /// No job will continue that attempt: its machine need not be kept.
    pub fn release_hold(&self, attempt: &AttemptKey) {
        let state = self.state.lock();
        let all = state
            .machines
            .values()
            .filter_map(|entry| entry.held.as_ref());
        all.filter(|held| held.attempt == *attempt)
            .for_each(Held::release);
    }

    /// Takes the machine over, if it is still kept as that attempt left it.
    pub fn end_hold(
        self: &Arc<Self>,
        machine: &Arc<Machine>,
        attempt: &AttemptKey,
    ) -> Option<Lease> {
        let mut state = self.state.lock();
        let entry = state.machines.get_mut(&machine.id)?;
        let same = Arc::ptr_eq(&entry.machine, machine);
        if !same || entry.held.as_ref()?.attempt != *attempt || entry.busy.is_some() {
            return None;
        }
        entry.held = None;
        Some(self.lease(state, machine, attempt, None))
    }
}
