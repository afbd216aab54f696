//! `work`: the coordinator tells one hub what to do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Clean;
use crate::event::{Message, Topic};
use crate::id::{AttemptKey, BuilderName, CommitId, HubId, MachineId, RepoName};

/// Run one attempt of one job on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunJob {
    /// The one hub that may take it.
    pub hub: HubId,
    /// The machine leased.
    pub machine: MachineId,
    /// Which attempt this is.
    pub attempt: AttemptKey,
    /// The builder, for the environment and for people.
    pub builder: BuilderName,
    /// What to put on the machine.
    pub source: SourceRef,
    /// What to run there, in order; the first failure ends it.
    pub steps: Vec<StepSpec>,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// Refuse it after this moment: another attempt has been made meanwhile.
    pub start_by: Timestamp,
    /// The whole attempt's limit in seconds.
    pub timeout_seconds: u64,
    /// What is kept of the log, in bytes; the rest is counted and dropped.
    pub log_limit_bytes: u64,
    /// What happens to the machine before the attempt.
    pub clean: Clean,
}

/// Where the source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRef {
    /// The repository's name in the farm.
    pub repo: RepoName,
    /// What git fetches from: a path or URL.
    pub url: String,
    /// The commit.
    pub commit: CommitId,
    /// The branch it was seen on, for the environment.
    pub branch: String,
}

/// One command of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// For people: `test`.
    pub name: String,
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Folder below the source; empty for its root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// Environment of this step, over the attempt's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The step's limit in seconds.
    pub timeout_seconds: u64,
}

/// End an attempt that is no longer wanted, started or not. A hub remembers it for attempts that come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelJob {
    /// The hub that was told to run it.
    pub hub: HubId,
    /// The attempt.
    pub attempt: AttemptKey,
    /// Why, for the log.
    pub reason: String,
}

impl Message for RunJob {
    const TYPE: &'static str = "farmhand.work.run.v1";
    const TOPIC: Topic = Topic::Work;
    fn hub(&self) -> Option<&HubId> {
        Some(&self.hub)
    }
}

impl Message for CancelJob {
    const TYPE: &'static str = "farmhand.work.cancel.v1";
    const TOPIC: Topic = Topic::Work;
    fn hub(&self) -> Option<&HubId> {
        Some(&self.hub)
    }
}
