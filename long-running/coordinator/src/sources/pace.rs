//! When a repository is read without being asked: at the start, and then every so often, each at its own moment, and less
//! often while it cannot be read.

use std::time::Duration;

use farm_runtime::Ids;

/// How much earlier or later than its time a reading may be, as a part of the period: repositories that began together do
/// not stay together.
const JITTER: f64 = 0.25;
/// Periods between two readings of a repository that cannot be read, at most.
const SLOWEST: u32 = 10;

/// The pauses of one repository.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    /// Readings in a row that failed.
    failed: u32,
    ids: Ids,
}

impl Pace {
    /// Nothing has been read yet.
    pub(super) fn new(period: Duration, ids: Ids) -> Self {
        Self {
            period,
            failed: 0,
            ids,
        }
    }

    /// How a reading came out, however it was asked for.
    pub(super) fn note(&mut self, well: bool) {
        self.failed = if well {
            0
        } else {
            self.failed.saturating_add(1)
        };
    }

    /// How long to wait before the next reading that nobody asks for.
    pub(super) fn pause(&self) -> Duration {
        let factor = 1_u32 << self.failed.min(8);
        let pause = self.period * factor.min(SLOWEST);
        pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * self.ids.fraction())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    #[test]
    fn repositories_that_began_together_do_not_stay_together() {
        let pace = Pace::new(PERIOD, Ids::system());
        let pauses: Vec<Duration> = (0..200).map(|_| pace.pause()).collect();
        let within = |pause: &Duration| (45..=75).contains(&pause.as_secs());
        assert!(pauses.iter().all(within), "{pauses:?}");
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*most - *least > PERIOD / 4, "{least:?} {most:?}");
    }

    #[test]
    fn one_that_cannot_be_read_is_tried_less_often_but_always_again() {
        let mut pace = Pace::new(PERIOD, Ids::system());
        for _ in 0..3 {
            pace.note(false);
        }
        assert!(pace.pause() >= PERIOD * 6);
        for _ in 0..1000 {
            pace.note(false);
        }
        let longest = PERIOD * SLOWEST;
        assert!(pace.pause() <= longest.mul_f64(1.0 + JITTER));
        pace.note(true);
        assert!(pace.pause() <= PERIOD.mul_f64(1.0 + JITTER));
    }
}
