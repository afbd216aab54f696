//! `results`: announced from the outbox, after it is durable.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::{
    AttemptKey, BuildId, BuilderName, CommitId, HostType, HubId, MachineName, PoolName, RepoName,
};
use crate::kept::Culprit;
use crate::message::progress::Outcome;
use crate::order::MachineOrder;
use crate::view::Breakage;

/// A run has its outcome. Announced at least once, with a stable event id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// The build.
    pub build: BuildId,
    /// Its run, from 1.
    pub run: u32,
    /// The builder.
    pub builder: BuilderName,
    /// The repository.
    pub repo: RepoName,
    /// The commit.
    pub commit: CommitId,
    /// The branch.
    pub branch: String,
    /// `post-submit` or `try`.
    pub kind: String,
    /// What came of it.
    pub outcome: Outcome,
    /// One line for people; empty when ok.
    pub reason: String,
    /// How many attempts it took.
    pub attempts: u32,
    /// When it was decided.
    pub finished: Timestamp,
    /// From wanted to decided.
    pub seconds: f64,
    /// Of these, how long it waited for its first attempt.
    #[serde(default)]
    pub seconds_waited: f64,
    /// The attempt that decided it, where the log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptKey>,
}

impl Message for RunFinished {
    const TYPE: &'static str = "farmhand.run.finished.v1";
    const TOPIC: Topic = Topic::Results;
}

/// A machine that belongs to somebody has been away for a while. Told once for each time it goes, with a stable event id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineMissing {
    /// The machine.
    pub machine: MachineName,
    /// What it is.
    pub host_type: HostType,
    /// Whom to tell: an e-mail address.
    pub owner: String,
    /// The hub that it was connected to.
    pub hub: HubId,
    /// Since when it is away.
    pub since: Timestamp,
}

/// A machine of which its owner was told that it is missing is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineBack {
    /// The machine.
    pub machine: MachineName,
    /// What it is.
    pub host_type: HostType,
    /// Whom to tell: an e-mail address.
    pub owner: String,
    /// The hub that it is connected to.
    pub hub: HubId,
    /// Since when it was away.
    pub since: Timestamp,
    /// When it came back.
    pub at: Timestamp,
}

impl Message for MachineMissing {
    const TYPE: &'static str = "farmhand.machine.missing.v1";
    const TOPIC: Topic = Topic::Results;
}

impl Message for MachineBack {
    const TYPE: &'static str = "farmhand.machine.back.v1";
    const TOPIC: Topic = Topic::Results;
}

/// It is known which commit turned a builder red, or which ones it may have been. Announced at least once, with a stable
/// event id; again if more comes to light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CulpritFound {
    /// Who, and what it rests on.
    #[serde(flatten)]
    pub culprit: Culprit,
}

impl Message for CulpritFound {
    const TYPE: &'static str = "farmhand.culprit.found.v1";
    const TOPIC: Topic = Topic::Results;
}

/// A commit turned builders red. What is found within a short while is told together; what comes to light later is told
/// in a further part. Announced at least once, with a stable event id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildersBroken {
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The commit.
    pub commit: CommitId,
    /// From 1.
    pub part: u32,
    /// By builder; of this part alone.
    pub breakages: Vec<Breakage>,
}

/// Builders that a commit had turned red are green again. Told together, and announced, as [`BuildersBroken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildersMended {
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The commit that had broken them.
    pub commit: CommitId,
    /// From 1.
    pub part: u32,
    /// By builder; each is mended.
    pub breakages: Vec<Breakage>,
}

impl Message for BuildersBroken {
    const TYPE: &'static str = "farmhand.builders.broken.v1";
    const TOPIC: Topic = Topic::Results;
}

impl Message for BuildersMended {
    const TYPE: &'static str = "farmhand.builders.mended.v1";
    const TOPIC: Topic = Topic::Results;
}

/// A machine is to be made. Announced at least once for each attempt, with a stable event id; the same stands in the view
/// of the pools until it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineWanted {
    /// What is to be made.
    #[serde(flatten)]
    pub order: MachineOrder,
}

/// A machine that was ordered is to be deleted, or not to be made any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineUnwanted {
    /// Its name.
    pub machine: MachineName,
    /// Who made it.
    pub pool: PoolName,
    /// What it is.
    pub host_type: HostType,
    /// Why, for people.
    pub reason: String,
}

impl Message for MachineWanted {
    const TYPE: &'static str = "farmhand.machine.wanted.v1";
    const TOPIC: Topic = Topic::Results;
}

impl Message for MachineUnwanted {
    const TYPE: &'static str = "farmhand.machine.unwanted.v1";
    const TOPIC: Topic = Topic::Results;
}
