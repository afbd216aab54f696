//! States as pages show them.

use farm_model::message::progress::Outcome;
use farm_model::view::{Failure, Status};

/// A state as class, symbol and word: never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) symbol: &'static str,
    pub(super) word: &'static str,
}

impl Badge {
    /// What failed by chance, as far as is known: no reason to look for a culprit.
    pub(super) const FLAKY: Self = Self {
        class: "flaky",
        symbol: "~",
        word: "flaky",
    };

    /// A state, and why it is so where that is known.
    pub(super) fn of(status: Status, failure: Option<&Failure>) -> Self {
        let by_chance = failure.is_some_and(|failure| failure.by_chance);
        match status {
            Status::Failed if by_chance => Self::FLAKY,
            other => other.into(),
        }
    }

    /// The same colour and symbol with another word.
    pub(super) fn saying(self, word: &'static str) -> Self {
        Self { word, ..self }
    }
}

impl From<Status> for Badge {
    fn from(status: Status) -> Self {
        let symbol = match status {
            Status::Queued => "\u{2026}",
            Status::Running => "\u{25b8}",
            Status::Ok => "\u{2713}",
            Status::Failed => "\u{2717}",
            Status::Lost => "!",
        };
        Self {
            class: status.as_str(),
            symbol,
            word: status.as_str(),
        }
    }
}

impl From<Outcome> for Badge {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Ok => Status::Ok,
            Outcome::Failed => Status::Failed,
            Outcome::Lost => Status::Lost,
        })
    }
}

/// All that a legend has to explain.
pub(super) fn legend() -> [Badge; 6] {
    [
        Status::Ok.into(),
        Status::Failed.into(),
        Badge::FLAKY,
        Status::Running.into(),
        Status::Queued.into(),
        Status::Lost.into(),
    ]
}

/// How many of each: `93 ok, 2 failed`.
pub(super) fn counts(badges: impl IntoIterator<Item = Badge>) -> String {
    let badges: Vec<Badge> = badges.into_iter().collect();
    let count = |badge: Badge| {
        let count = badges.iter().filter(|other| **other == badge).count();
        (count > 0).then(|| format!("{count} {}", badge.word))
    };
    let counts: Vec<String> = legend().into_iter().filter_map(count).collect();
    counts.join(", ")
}
