//! What the farm is told. Every fact may be told twice, late or out of order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::config::FarmConfig;
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_model::message::command::Command;
use farm_model::message::progress::{AttemptProgress, HubHeartbeat, MachineGone, OrderProgress};
use farm_model::record::{Branch, Build, Run};
use farm_model::trace::TraceParent;

/// One input of the state machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// A delivery was taken in, and whatever it hints at has been re-read.
    Heard(Activity),
    /// A repository was read at its source.
    Observed(Observation),
    /// A valid `farm.toml` is in force from now on.
    Configured {
        /// Digest of its text.
        digest: String,
        /// What it says.
        config: Box<FarmConfig>,
    },
    /// What an operator should know of one subject; none when it is mended.
    Trouble {
        /// `farm.toml`, `source sample`, …
        about: String,
        /// One line.
        text: Option<String>,
    },
    /// A delivery that nobody can read.
    Refused(Refusal),
    /// A delivery that a function has stored, long enough ago that it should have been heard.
    Found(Activity),
    /// Someone authenticated asks for something.
    Command(Command),
    /// A hub tells of an attempt.
    Progress(AttemptProgress),
    /// A hub tells of its machines.
    Heartbeat(HubHeartbeat),
    /// A hub lost a machine.
    MachineGone(MachineGone),
    /// A pool tells of a machine that was ordered.
    Order(OrderProgress),
    /// Builds of long ago, from the store: facts that follow may be about them.
    Recalled {
        /// Each with all its runs.
        builds: Vec<(Build, Vec<Run>)>,
    },
    /// We have not heard ourselves on the queues: the silence of others says nothing.
    Deaf,
    /// Time has passed.
    Tick,
}

impl Fact {
    /// What kind of fact it is, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Heard(_) => "heard",
            Self::Observed(_) => "observed",
            Self::Configured { .. } => "configured",
            Self::Trouble { .. } => "trouble",
            Self::Refused(_) => "refused",
            Self::Found(_) => "found",
            Self::Command(_) => "command",
            Self::Progress(_) => "progress",
            Self::Heartbeat(_) => "heartbeat",
            Self::MachineGone(_) => "machine-gone",
            Self::Order(_) => "order",
            Self::Recalled { .. } => "recalled",
            Self::Deaf => "deaf",
            Self::Tick => "tick",
        }
    }
}

/// A delivery that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The event's id, `github:<delivery>`.
    pub id: String,
    /// Who sent it, as far as it can be told: `github`, `gerrit`, `other`.
    pub source: String,
    /// When it was received.
    pub received: Timestamp,
}

/// A repository as read at its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The repository.
    pub repo: RepoName,
    /// The branches that the configuration asks for.
    pub branches: Vec<Branch>,
    /// When it was read.
    pub at: Timestamp,
    /// The trace of the hint that made us look: W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}
