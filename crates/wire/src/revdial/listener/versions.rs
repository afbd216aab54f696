//! Which version to ask for.

use std::time::{Duration, Instant};

use super::RegisterError;
use crate::reverse::{RevdialVersion, UNKNOWN_VERSION};

/// For how long a hub that does not know version 3 is not asked for it again. It may have been upgraded by then.
const MEMORY: Duration = Duration::from_secs(3600);

/// What is known of the hub's versions. Version 3 is asked for first. A hub of 2019 refuses that; it is asked for version 2
/// at once, and for an hour from then on.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    old_since: Option<Instant>,
}

impl Versions {
    /// What to ask for at `now`.
    #[must_use]
    pub fn next(&self, now: Instant) -> RevdialVersion {
        let old = |since: Instant| now.saturating_duration_since(since) < MEMORY;
        if self.old_since.is_some_and(old) {
            RevdialVersion::V2
        } else {
            RevdialVersion::V3
        }
    }

    /// Learns from a failed registration that asked for `asked`; whether to ask for another version at once.
    pub fn learn(&mut self, asked: RevdialVersion, error: &RegisterError, now: Instant) -> bool {
        let old = asked == RevdialVersion::V3
            && match error {
                RegisterError::Refused { status, text } => {
                    *status == 400 && text == UNKNOWN_VERSION
                }
                RegisterError::OtherVersion => true,
                _ => false,
            };
        if old {
            self.old_since = Some(now);
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, text: &str) -> RegisterError {
        let text = text.to_owned();
        RegisterError::Refused { status, text }
    }

    #[test]
    fn a_hub_of_2019_is_asked_for_version_2_at_once_and_for_an_hour() {
        let (mut versions, now) = (Versions::default(), Instant::now());
        assert_eq!(versions.next(now), RevdialVersion::V3);
        let unknown = refused(400, "unknown revdial version");
        assert!(versions.learn(RevdialVersion::V3, &unknown, now));
        assert_eq!(versions.next(now), RevdialVersion::V2);
        assert!(!versions.learn(RevdialVersion::V2, &unknown, now));
        assert_eq!(versions.next(now + MEMORY), RevdialVersion::V3);
    }

    #[test]
    fn other_refusals_say_nothing_of_versions() {
        let (mut versions, now) = (Versions::default(), Instant::now());
        for error in [
            refused(412, "bad key for mode \"h\""),
            refused(400, "missing X-Go-Builder-Hostname"),
            refused(503, "unknown revdial version"),
        ] {
            assert!(!versions.learn(RevdialVersion::V3, &error, now));
        }
        assert_eq!(versions.next(now), RevdialVersion::V3);
    }
}
