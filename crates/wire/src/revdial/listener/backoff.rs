//! How long to wait before the next try.

use std::time::Duration;

/// Doubling waits with jitter, so that a thousand machines do not return at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// From `first`, doubling up to `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            tries: 0,
        }
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait: between half of what it stands at and all of it.
    pub fn next_wait(&mut self) -> Duration {
        let full = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.tries))
            .min(self.most);
        self.tries = self.tries.saturating_add(1);
        jitter(full)
    }

    /// A wait for a refusal that will not heal soon, such as a bad key: the longest.
    #[must_use]
    pub fn long_wait(&self) -> Duration {
        jitter(self.most)
    }
}

fn jitter(full: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the wait is the longest: still right, only less spread.
    let share = getrandom::fill(&mut byte).map_or(1.0, |()| f64::from(byte[0]) / 255.0);
    full.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for full in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = backoff.next_wait();
            let full = Duration::from_secs(full);
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(1));
        assert!(backoff.long_wait() >= Duration::from_secs(30));
    }
}
