//! Dials that wait for their pick-up, by one-time token.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::stream::BoxStream;

/// What a waiting dial gets: the connection, or the machine's reason.
pub(in crate::revdial) type Arrival = Result<BoxStream, String>;
/// Where it is handed over.
pub(in crate::revdial) type Hand = oneshot::Sender<Arrival>;

/// The waiting dials of a session; `None` once it ended.
#[derive(Default)]
pub(super) struct Pending(Mutex<Option<HashMap<String, Hand>>>);

impl Pending {
    pub fn open() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }

    /// Waits for the pick-up of `token`, unless the session ended. How many wait is bounded by the places of the session.
    pub fn wait(&self, token: &str) -> Option<oneshot::Receiver<Arrival>> {
        let (hand, arrival) = oneshot::channel();
        self.0.lock().as_mut()?.insert(token.to_owned(), hand);
        Some(arrival)
    }

    /// Takes the waiting dial of `token`: once.
    pub fn take(&self, token: &str) -> Option<Hand> {
        self.0.lock().as_mut()?.remove(token)
    }

    /// Fails all, now and later. Their hands are dropped.
    pub fn close(&self) {
        self.0.lock().take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_once_and_none_after_the_end() {
        let pending = Pending::open();
        let mut arrival = pending.wait("a").unwrap();
        assert!(pending.take("a").is_some());
        assert!(pending.take("a").is_none());
        assert!(arrival.try_recv().is_err());
        pending.close();
        assert!(pending.wait("b").is_none());
    }
}
