//! Where the time of a run went, against what its class is promised (design 11).

use serde::{Deserialize, Serialize};

/// The latency budget of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// What it was wanted for: `try`, `tip`, `sub`, `culprit`, `history`.
    pub class: String,
    /// In so many seconds from wanted to decided it should be over; none where nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_seconds: Option<f64>,
    /// Where the time went, in the order of the run's life; together they are all of it so far.
    pub spent: Vec<Spent>,
    /// Over its objective: the span that spent most beyond what it usually does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Span>,
}

/// Time that one span took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// On what.
    pub span: Span,
    /// So much.
    pub seconds: f64,
}

/// What a run's time is spent on. At each moment exactly one of them counts, the last that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// Nothing of it is leased: it waits for a machine.
    Queue,
    /// Leased, and not yet accepted by the hub.
    Offer,
    /// An attempt that counts is under way.
    Work,
    /// An attempt that was lost or refused in the end, and the pause after it.
    Lost,
}

impl Span {
    /// `queue`, `offer`, `work`, `lost`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Offer => "offer",
            Self::Work => "work",
            Self::Lost => "lost",
        }
    }
}
