//! Ending a download from another thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use ureq::Agent;

use super::FetchError;

/// A handle on downloads: cancelled, their reads end at once with errors. Clones are the same handle.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    agents: Vec<Agent>,
}

impl Cancel {
    /// Ends everything that this covers, now and later.
    pub fn cancel(&self) {
        let agents = {
            let mut state = self.0.state.lock();
            state.cancelled = true;
            std::mem::take(&mut state.agents)
        };
        self.0.changed.notify_all();
        for agent in agents {
            agent.shutdown();
        }
    }

    /// Cancels when the value returned is dropped.
    #[must_use]
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.state.lock().cancelled
    }

    pub(super) fn covers(&self, agent: &Agent) -> Result<(), FetchError> {
        let mut state = self.0.state.lock();
        if state.cancelled {
            return Err(FetchError::Cancelled);
        }
        state.agents.push(agent.clone());
        Ok(())
    }

    /// Waits, unless it is cancelled meanwhile.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn wait(&self, duration: Duration) -> Result<(), FetchError> {
        let until = Instant::now() + duration;
        let mut state = self.0.state.lock();
        while !state.cancelled {
            if self.0.changed.wait_until(&mut state, until).timed_out() {
                return Ok(());
            }
        }
        Err(FetchError::Cancelled)
    }
}

/// Cancels when dropped.
pub struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
