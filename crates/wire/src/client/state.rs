//! What is known of a buildlet's health (`buildlet.md` 11.3): well, then broken, then dead, never back.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::TransportError;

/// Called once, with the cause.
type OnDeath = Box<dyn FnOnce(&TransportError) + Send>;

#[derive(Debug, Clone)]
enum State {
    Well,
    /// Should not be used again.
    Broken,
    /// Will not answer again.
    Dead(Arc<TransportError>),
}

/// The state of one buildlet, shared by everything that waits for it.
pub(super) struct Life {
    state: watch::Sender<State>,
    on_death: Mutex<Option<OnDeath>>,
}

impl Life {
    pub fn new(on_death: Option<OnDeath>) -> Self {
        Self {
            state: watch::Sender::new(State::Well),
            on_death: Mutex::new(on_death),
        }
    }

    /// What would be called at death, which then is not.
    pub fn take_on_death(&self) -> Option<OnDeath> {
        self.on_death.lock().take()
    }

    pub fn is_broken(&self) -> bool {
        !matches!(*self.state.borrow(), State::Well)
    }

    pub fn is_dead(&self) -> bool {
        matches!(*self.state.borrow(), State::Dead(_))
    }

    pub fn mark_broken(&self) {
        self.state.send_if_modified(|state| {
            let well = matches!(state, State::Well);
            if well {
                *state = State::Broken;
            }
            well
        });
    }

    /// Only the first cause counts. Whoever waits is woken before the callback runs.
    pub fn die(&self, cause: TransportError) {
        let cause = Arc::new(cause);
        let first = self.state.send_if_modified(|state| {
            let alive = !matches!(state, State::Dead(_));
            if alive {
                *state = State::Dead(cause.clone());
            }
            alive
        });
        if first && let Some(tell) = self.take_on_death() {
            tell(&cause);
        }
    }

    /// Returns at death, with its cause.
    pub async fn died(&self) -> TransportError {
        self.wait(|state| matches!(state, State::Dead(_))).await
    }

    /// Returns when the buildlet should not be used any more.
    pub async fn unusable(&self) -> TransportError {
        self.wait(|state| !matches!(state, State::Well)).await
    }

    async fn wait(&self, fits: impl FnMut(&State) -> bool) -> TransportError {
        let mut state = self.state.subscribe();
        match state.wait_for(fits).await.as_deref() {
            Ok(State::Dead(cause)) => TransportError::Dead(cause.clone()),
            // The sender lives in `self`.
            _ => TransportError::Broken,
        }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Life({:?})", *self.state.borrow())
    }
}
