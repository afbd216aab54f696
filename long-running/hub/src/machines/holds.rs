//! Machines that are kept as an attempt left them, for a job that goes on from there.

use std::sync::Arc;

use farm_model::config::Clean;
use farm_model::id::{AttemptKey, MachineId};
use farm_model::message::progress::Missing;
use tokio::sync::Notify;
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

/// What the one who keeps a machine hears of it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Keeping {
    /// It need not be kept any longer.
    over: CancellationToken,
    /// It is not kept any more.
    gone: CancellationToken,
    /// A job that was to go on with it did not.
    back: Arc<Notify>,
}

impl Keeping {
    /// Returns when it need not be kept any longer.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }
}

/// One machine is kept so. Dropped, it is not any more, and the one who keeps it is told.
#[derive(Debug)]
pub struct Held {
    attempt: AttemptKey,
    clean: Clean,
    keeping: Keeping,
}

/// What is kept while a job has it that may go on with it.
pub(super) struct Lent {
    attempt: AttemptKey,
    keeping: Keeping,
}

impl Held {
    /// As `attempt` left it; afterwards it is cleaned as `clean` says.
    pub(super) fn new(attempt: AttemptKey, clean: Clean) -> Self {
        Self {
            attempt,
            clean,
            keeping: Keeping::default(),
        }
    }

    /// The attempt.
    pub(super) fn attempt(&self) -> &AttemptKey {
        &self.attempt
    }

    /// For the one who keeps it.
    pub(super) fn keeping(&self) -> Keeping {
        self.keeping.clone()
    }

    /// It need not be any longer.
    pub(super) fn release(&self) {
        self.keeping.over.cancel();
    }

    /// No job has it any more that could go on with it.
    pub(super) fn is_back(&self) {
        self.keeping.back.notify_one();
    }

    fn lent(&self) -> Lent {
        Lent {
            attempt: self.attempt.clone(),
            keeping: self.keeping(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keeping.over.cancel();
        self.keeping.gone.cancel();
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
            (Some(held), Some(before)) if held.attempt == *before => {
                self.lent = Some(held.lent());
                Ok(self.held.take())
            }
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
        for entry in state.machines.values() {
            if let Some(held) = entry.held.as_ref().filter(|held| held.attempt == *attempt) {
                held.release();
            }
            if let Some(lent) = entry.lent.as_ref().filter(|lent| lent.attempt == *attempt) {
                lent.keeping.over.cancel();
            }
        }
    }

    /// Takes the machine over, which was kept as that attempt left it, as soon as no job has it; `None` if one has gone on
    /// with it, or the machine went.
    pub async fn take_over(
        self: &Arc<Self>,
        machine: &Arc<Machine>,
        attempt: &AttemptKey,
        keeping: &Keeping,
    ) -> Option<Lease> {
        loop {
            if let Some(lease) = self.end_hold(machine, attempt) {
                return Some(lease);
            }
            tokio::select! {
                () = keeping.gone.cancelled() => return None,
                () = machine.closed() => return None,
                () = keeping.back.notified() => {}
            }
        }
    }

    /// Takes the machine over, if it is still kept as that attempt left it.
    fn end_hold(self: &Arc<Self>, machine: &Arc<Machine>, attempt: &AttemptKey) -> Option<Lease> {
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
