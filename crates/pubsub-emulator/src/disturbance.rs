//! Trouble on purpose: what a network and a queue do on a bad day, decided by whoever sets the emulator up.

use std::fmt::Debug;
use std::time::Duration;

/// Decides which messages are in trouble. Without one ([`crate::Options::disturbance`] is `None`) nothing is asked.
///
/// It is asked under the broker's lock: it must neither wait nor take long.
pub trait Disturbance: Debug + Send + Sync + 'static {
    /// Whether a message to `topic` arrives twice, as when a publisher did not hear the answer and tried again: two
    /// messages, each with an id of its own, of which the publisher learns the first.
    fn repeats(&self, topic: &str) -> bool;

    /// What becomes of a delivery: of message `id`, for the `attempt`th time (from 1), to a consumer of `subscription`.
    fn fate(&self, subscription: &str, id: u64, attempt: u32) -> Fate;
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It reaches its consumer.
    Delivered,
    /// It never arrives. It counts as a failed delivery, and comes again when its lease ends: after this time.
    Lost {
        /// The length of the lease.
        again: Duration,
    },
    /// It arrives so much later, and what came after it may overtake it. Messages with an ordering key are not late: it
    /// would hold up everything behind them.
    Late {
        /// So much.
        by: Duration,
    },
}
