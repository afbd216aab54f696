//! Dials that wait for their pick-up, by one-time token.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::stream::BoxStream;

/// How many dials may wait at once in one session.
const MAX_WAITING: usize = 64;

/// What a waiting dial gets: the connection, or the machine's reason.
pub(super) type Arrival = Result<BoxStream, String>;
type Hand = oneshot::Sender<Arrival>;

/// Why a dial cannot wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Closed,
    TooMany,
}

/// The waiting dials of a session; `None` once it ended.
#[derive(Default)]
pub(super) struct Pending(Mutex<Option<HashMap<String, Hand>>>);

impl Pending {
    pub fn open() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }

    pub fn wait(&self, token: &str) -> Result<oneshot::Receiver<Arrival>, Refused> {
        let mut waiting = self.0.lock();
        let waiting = waiting.as_mut().ok_or(Refused::Closed)?;
        if waiting.len() >= MAX_WAITING {
            return Err(Refused::TooMany);
        }
        let (hand, arrival) = oneshot::channel();
        waiting.insert(token.to_owned(), hand);
        Ok(arrival)
    }

    /// Takes the waiting dial of `token`: once.
    pub fn take(&self, token: &str) -> Option<Hand> {
        self.0.lock().as_mut()?.remove(token)
    }

    /// Fails all, now and later. Their hands are dropped.
    pub fn close(&self) {
        self.0.lock().take();
    }

    pub fn len(&self) -> usize {
        self.0.lock().as_ref().map_or(0, HashMap::len)
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
        assert_eq!(pending.wait("b").unwrap_err(), Refused::Closed);
    }

    #[test]
    fn waiting_dials_are_bounded() {
        let pending = Pending::open();
        let _arrivals: Vec<_> = (0..MAX_WAITING)
            .map(|n| pending.wait(&n.to_string()).unwrap())
            .collect();
        assert_eq!(pending.wait("more").unwrap_err(), Refused::TooMany);
        assert_eq!(pending.len(), MAX_WAITING);
    }
}
