//! `commit/<repo>/-/<commit>.json` and `set/<try set>.json`: all builds of one commit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Failure, Status};
use crate::id::{BuildId, BuilderName, CommitId, RepoName};
use crate::record::{Against, BuildKind, CommitInfo};

/// The document of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitView {
    /// When it was made.
    pub made: Timestamp,
    /// The repository.
    pub repo: RepoName,
    /// The commit.
    pub commit: CommitInfo,
    /// The branches that have it, and its number on each.
    pub places: Vec<(String, u64)>,
    /// Its builds: by branch, what it was built against, and builder.
    pub builds: Vec<BuildLine>,
}

/// The document of a try set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetView {
    /// When it was made.
    pub made: Timestamp,
    /// Its name.
    pub set: String,
    /// The repository.
    pub repo: RepoName,
    /// The commit that is tried.
    pub commit: CommitId,
    /// Its builds, by builder.
    pub builds: Vec<BuildLine>,
}

/// A build and how its newest run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildLine {
    /// The build.
    pub build: BuildId,
    /// Its builder.
    pub builder: BuilderName,
    /// The branch.
    pub branch: String,
    /// Post-submit or a try.
    pub kind: BuildKind,
    /// The commit of the main repository that it is built against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Its newest run.
    pub run: u32,
    /// How that stands.
    pub status: Status,
    /// When it was opened.
    pub opened: Timestamp,
    /// When its first attempt was leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// Why it failed, or was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
