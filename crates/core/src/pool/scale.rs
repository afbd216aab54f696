//! How many machines of a host type there should be.

use std::time::Duration;

/// Bounds of one host type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Never more.
    pub most: u32,
    /// Never fewer, but for `most`.
    pub fewest: u32,
    /// How long nothing must have been built before machines are given up.
    pub idle: Duration,
}

/// How many there should be, of `there` now: `waiting` jobs found no machine, and nothing has been built for `quiet` (not at
/// all known, or not at all quiet: none).
#[must_use]
pub fn scale(limits: Limits, there: u32, waiting: u32, quiet: Option<Duration>) -> u32 {
    let fewest = limits.fewest.min(limits.most);
    let wanted = if waiting > 0 {
        there.saturating_add(waiting)
    } else if quiet.is_some_and(|quiet| quiet >= limits.idle) {
        fewest
    } else {
        there
    };
    wanted.clamp(fewest, limits.most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        most: 4,
        fewest: 1,
        idle: Duration::from_secs(60),
    };
    const LONG: Option<Duration> = Some(Duration::from_secs(60));

    #[test]
    fn the_queue_makes_more_up_to_the_bound() {
        assert_eq!(scale(LIMITS, 1, 2, None), 3);
        assert_eq!(scale(LIMITS, 3, 1000, None), 4);
        assert_eq!(scale(LIMITS, 0, 0, None), 1);
    }

    #[test]
    fn a_long_quiet_makes_fewer_and_a_short_one_does_not() {
        assert_eq!(scale(LIMITS, 4, 0, Some(Duration::from_secs(59))), 4);
        assert_eq!(scale(LIMITS, 4, 0, LONG), 1);
        assert_eq!(scale(LIMITS, 4, 1, LONG), 4);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds_and_settles(
            most in 0_u32..50, fewest in 0_u32..50, there in 0_u32..100, waiting in 0_u32..100, quiet in 0_u64..120
        ) {
            let limits = Limits { most, fewest, ..LIMITS };
            let quiet = Some(Duration::from_secs(quiet));
            let wanted = scale(limits, there, waiting, quiet);
            prop_assert!(wanted <= most && wanted >= fewest.min(most));
            prop_assert!(waiting == 0 || wanted >= there.min(most));
            let then = scale(limits, wanted, 0, quiet);
            prop_assert_eq!(scale(limits, then, 0, quiet), then);
        }
    }
}
