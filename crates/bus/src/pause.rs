//! Pauses between tries, growing up to a bound.

use std::time::Duration;

/// Doubles from `first` to `longest`.
#[derive(Debug)]
pub(crate) struct Pause {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pause {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// How long to wait before the next try.
    pub(crate) fn grow(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }

    /// It went well: the next trouble is a new one.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_begin_anew_after_success() {
        let mut pause = Pause::new(Duration::from_millis(100), Duration::from_millis(250));
        let mut next = || pause.grow().as_millis();
        assert_eq!([next(), next(), next(), next()], [100, 200, 250, 250]);
        pause.reset();
        assert_eq!(pause.grow().as_millis(), 100);
    }
}
