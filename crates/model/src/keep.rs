//! For how long things are kept in the bucket, as the operator says.

use serde::{Deserialize, Serialize};

/// Whole days for which things are kept; 0 keeps them for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepDays {
    /// Logs, and which tests passed in a run.
    pub logs: u32,
    /// Webhooks as they were received.
    pub deliveries: u32,
    /// What pages of a past moment are made of.
    pub history: u32,
    /// Archives of what builders made, but for the newest of each builder.
    pub snapshots: u32,
    /// Who has been told what.
    pub said: u32,
}

impl Default for KeepDays {
    fn default() -> Self {
        Self {
            logs: 180,
            deliveries: 30,
            history: 400,
            snapshots: 30,
            said: 30,
        }
    }
}

/// A number of days that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooFew {
    /// Which: `logs`.
    pub what: &'static str,
    /// The fewest.
    pub least: u32,
}

impl std::fmt::Display for TooFew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, least } = self;
        write!(
            f,
            "--keep-{what} is 0 (for ever) or at least {least} days: less is still needed while builds run and messages come again"
        )
    }
}

impl std::error::Error for TooFew {}

impl KeepDays {
    /// Checks that nothing goes that is still needed: a run lasts up to two days, deliveries are looked through for a day, and
    /// what a queue has given up may be told again from its dead letters for two weeks.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn checked(self) -> Result<Self, TooFew> {
        let least = [
            ("logs", self.logs, 3),
            ("deliveries", self.deliveries, 2),
            ("history", self.history, 1),
            ("snapshots", self.snapshots, 3),
            ("said", self.said, 15),
        ];
        for (what, days, least) in least {
            if days != 0 && days < least {
                return Err(TooFew { what, least });
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_ever_and_long_are_allowed_and_too_short_says_what_is() {
        let none = KeepDays {
            logs: 0,
            deliveries: 0,
            history: 0,
            snapshots: 0,
            said: 0,
        };
        assert!(none.checked().is_ok());
        assert!(KeepDays::default().checked().is_ok());
        let short = KeepDays { said: 14, ..none };
        let text = short.checked().unwrap_err().to_string();
        assert!(
            text.contains("--keep-said is 0 (for ever) or at least 15 days"),
            "{text}"
        );
    }
}
