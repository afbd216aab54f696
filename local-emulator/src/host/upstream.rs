//! The process that takes requests now, and how many it has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Where a process takes requests.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    open: Arc<watch::Sender<usize>>,
}

/// A request that is under way, counted until this is dropped.
#[derive(Debug)]
pub(super) struct Entered(Arc<watch::Sender<usize>>);

impl Upstream {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            open: Arc::new(watch::Sender::new(0)),
        }
    }

    /// One request more.
    pub(super) fn enter(&self) -> Entered {
        self.open.send_modify(|open| *open += 1);
        Entered(Arc::clone(&self.open))
    }

    /// Waits until no request is under way. False if some still are after `patience`.
    pub(super) async fn drained(&self, patience: Duration) -> bool {
        let mut open = self.open.subscribe();
        let drained = open.wait_for(|open| *open == 0);
        tokio::time::timeout(patience, drained).await.is_ok()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_drained_when_the_last_request_is_answered() {
        let upstream = Upstream::new(([127, 0, 0, 1], 1).into());
        let (first, second) = (upstream.enter(), upstream.enter());
        drop(first);
        assert!(!upstream.drained(Duration::from_secs(1)).await);
        let (drained, ()) = tokio::join!(upstream.drained(Duration::from_secs(1)), async {
            tokio::task::yield_now().await;
            drop(second);
        });
        assert!(drained);
    }
}
