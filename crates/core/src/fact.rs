//! What the farm is told. Every fact may be told twice, late or out of order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::config::FarmConfig;
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_model::message::command::Command;
use farm_model::message::progress::{AttemptProgress, HubHeartbeat, MachineGone};
use farm_model::record::{Branch, Build, Run};

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
    /// Someone authenticated asks for something.
    Command(Command),
    /// A hub tells of an attempt.
    Progress(AttemptProgress),
    /// A hub tells of its machines.
    Heartbeat(HubHeartbeat),
    /// A hub lost a machine.
    MachineGone(MachineGone),
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
    pub trace: Option<String>,
}
