//! What a subscription's settings mean for its messages.

use std::time::Duration;

/// The settings that decide a message's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Keep the order of messages with the same ordering key.
    pub ordered: bool,
    /// Wait after a failed delivery; `None` redelivers at once.
    pub backoff: Option<Backoff>,
    /// Failed deliveries after which a message leaves for the dead-letter topic.
    pub max_attempts: Option<u32>,
    /// How long after its publishing a message is kept.
    pub retention: Duration,
    /// Keep acknowledged messages as well, for a seek.
    pub retain_acked: bool,
    /// An answer counts only while its lease lives.
    pub exactly_once: bool,
}

/// Exponential back-off: `min`, doubled for each further failure, at most `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub min: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The wait after so many failures, the first being 1.
    pub fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.min.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_bound() {
        let backoff = Backoff {
            min: Duration::from_secs(10),
            max: Duration::from_secs(60),
        };
        let waits: Vec<u64> = (1..=5).map(|n| backoff.after(n).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 60, 60]);
        assert_eq!(backoff.after(u32::MAX).as_secs(), 60);
    }
}
