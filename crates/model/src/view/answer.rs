//! What functions put together from several documents and answer programs with: `/api/builders` and its like. They lie in
//! no bucket.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AwayView, CoordinatorStatus, Expected, Failure, HubStatus, IntakeStatus, MachineView,
    OpenBuildView, OrderLine, QueueStatus, Status, TestLine,
};
use crate::id::{BuildId, BuilderName, CommitId, HostType, RepoName};
use crate::kept::{Flake, Pause};
use crate::record::Transition;

/// `/api/builders`: all builders, and how each did on the newest commit of each branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildersAnswer {
    /// When the newest of the documents behind it was made.
    pub made: Timestamp,
    /// By name.
    pub builders: Vec<BuilderSummary>,
    /// Branches that were not looked at, since there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub branches_left_out: usize,
}

/// A builder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuilderSummary {
    /// Its name.
    pub builder: BuilderName,
    /// What its machines are; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_type: Option<HostType>,
    /// Why nothing of it is leased, if somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// How long it usually takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Expected>,
    /// The newest commit of each branch that it builds.
    pub heads: Vec<Head>,
}

/// How a builder did on a branch's newest commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// Its newest commit that this builder builds.
    pub commit: CommitId,
    /// The build.
    pub build: BuildId,
    /// Its newest run.
    pub run: u32,
    /// How that stands.
    pub status: Status,
    /// Why it failed, or was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// `/api/machines`: machines by host type, those that are away, and hubs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachinesAnswer {
    /// When the newest of the documents behind it was made.
    pub made: Timestamp,
    /// Machines connected, by host type and id.
    pub machines: Vec<MachineView>,
    /// Machines with an owner that are away, by name.
    pub away: Vec<AwayView>,
    /// Machines that the farm has made for it, by name; none where it makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<Vec<OrderLine>>,
    /// Hubs heard since the leader started, by name; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hubs: Option<Vec<HubStatus>>,
}

/// `/api/queue`: the queue of each host type in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuesAnswer {
    /// When it was counted.
    pub made: Timestamp,
    /// Host types that have machines or waiting jobs, by name.
    pub queues: Vec<QueueStatus>,
}

/// `/api/test`: where one test failed lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestAnswer {
    /// When the document behind it was made.
    pub made: Timestamp,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The commits that were looked at, newest first.
    pub commits: Vec<CommitId>,
    /// The test, and where it failed on them; nowhere is no failure.
    pub test: TestLine,
    /// What is known of it failing by chance, a builder each.
    pub flakes: Vec<Flake>,
}

/// `/api/about`: which farm it is, what runs it, and how old what it shows is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AboutAnswer {
    /// The farm's name; empty before anything is known.
    pub name: String,
    /// The version of what answers.
    pub version: String,
    /// The coordinator as it last told; none of one that does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<CoordinatorStatus>,
    /// The documents behind the pages.
    pub documents: Vec<DocumentAge>,
    /// Deliveries by day and source, the newest day first.
    pub intake: Vec<IntakeStatus>,
}

/// How old a document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentAge {
    /// Its key below `views/`.
    pub document: String,
    /// When it was made; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
}

/// `/api/diff`: what happened after one moment and up to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffAnswer {
    /// The one moment.
    pub from: Timestamp,
    /// The other.
    pub to: Timestamp,
    /// Runs that were opened.
    pub opened: Few<Change>,
    /// Attempts that began.
    pub started: Few<Change>,
    /// Attempts that were lost, and ran again.
    pub lost: Few<Change>,
    /// Runs that ended, with their outcome.
    pub ended: Few<Change>,
    /// What is not about a build: commits, configuration, commands, machines.
    pub notes: Few<Transition>,
}

/// The first of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Few<T> {
    /// The first.
    pub first: Vec<T>,
    /// How many there are in all.
    pub count: usize,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            count: 0,
        }
    }
}

/// Something that happened to a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The build as it was just before, or as it was opened.
    pub build: OpenBuildView,
    /// How its run stood then.
    pub status: Status,
    /// Reason, cause or machine, for people.
    pub text: String,
}

/// Why there is no answer: a problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind it is; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: String,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
