//! Receiving, as its user sees it: a background task keeps the connection, so that `next` may be dropped at any time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::delivery::Delivery;

/// How long answers given before the end may take to reach the queue.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Deliveries that lie ready for `next`; the queue's own limit counts them as outstanding.
const READY: usize = 64;

/// How much a receiver holds at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Deliveries that may be unanswered at once, at least 1. Answers are sent ten times a second, so that no more than ten
    /// times this many come in a second.
    pub max_outstanding: u32,
}

/// Deliveries of one subscription.
#[derive(Debug)]
pub struct Receiver {
    deliveries: mpsc::Receiver<Delivery>,
    closing: CancellationToken,
    pump: JoinSet<()>,
}

/// The other end: where the task that keeps the connection puts deliveries.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) deliveries: mpsc::Sender<Delivery>,
    pub(crate) closing: CancellationToken,
}

impl Receiver {
    /// Starts the task that `pump` makes.
    pub(crate) fn start<F>(limits: Limits, pump: impl FnOnce(Intake) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let ready =
            usize::try_from(limits.max_outstanding).map_or(READY, |max| max.clamp(1, READY));
        let (sender, deliveries) = mpsc::channel(ready);
        let closing = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(pump(Intake {
            deliveries: sender,
            closing: closing.clone(),
        }));
        Self {
            deliveries,
            closing,
            pump: tasks,
        }
    }

    /// The next delivery; none after `close`. It may be dropped and called again without losing any.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// Ends it in order: takes no more, gives back what was not yet taken, and waits up to five seconds until the answers
    /// given are with the queue. Dropping a receiver does the same without waiting.
    pub async fn close(&mut self) {
        self.closing.cancel();
        self.deliveries.close();
        while let Some(delivery) = self.deliveries.recv().await {
            delivery.again();
        }
        let ended = tokio::time::timeout(LAST_ANSWERS + LAST_ANSWERS, self.pump.join_next()).await;
        if ended.is_err() {
            tracing::warn!("a receiver did not end in time");
            self.pump.abort_all();
        }
    }
}
