//! What is said of one attempt.

use std::sync::atomic::{AtomicU64, Ordering};

use farm_model::event::Event;
use farm_model::id::{AttemptKey, MachineId};
use farm_model::message::progress::{AttemptEvent, AttemptProgress};
use farm_model::trace::TraceParent;

use crate::teller::Identity;

/// Numbers the messages of one attempt.
#[derive(Debug)]
pub struct Voice {
    identity: Identity,
    machine: MachineId,
    attempt: AttemptKey,
    trace: Option<TraceParent>,
    said: AtomicU64,
}

impl Voice {
    /// Nothing has been said yet.
    pub fn new(identity: Identity, machine: MachineId, attempt: AttemptKey) -> Self {
        Self {
            identity,
            machine,
            attempt,
            trace: None,
            said: AtomicU64::new(0),
        }
    }

    /// The same as part of a trace.
    #[must_use]
    pub fn in_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// The attempt's next message.
    ///
    /// # Errors
    /// It does not serialise.
    pub fn event(&self, what: AttemptEvent) -> anyhow::Result<Event> {
        let seq = self.said.fetch_add(1, Ordering::Relaxed) + 1;
        let progress = AttemptProgress {
            hub: self.identity.hub.clone(),
            session: self.identity.session.clone(),
            machine: self.machine.clone(),
            attempt: self.attempt.clone(),
            seq,
            at: self.identity.now(),
            what,
        };
        let id = format!("{}:{seq}", self.attempt);
        let event = self.identity.event(&id, &progress)?;
        Ok(event.in_trace(self.trace.as_ref()))
    }
}
