//! `tests/<repo>/-/<branch>.json`: the tests that failed on the newest commits of a branch, and where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptKey, BuilderName, CommitId, RepoName};

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestsView {
    /// When it was made.
    pub made: Timestamp,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The commits that were looked at, newest first.
    pub commits: Vec<CommitId>,
    /// Those that failed most lately first; at most [`TestsView::MOST`].
    pub tests: Vec<TestLine>,
}

impl TestsView {
    /// Tests listed.
    pub const MOST: usize = 500;
}

/// A test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestLine {
    /// What was scheduled.
    pub unit: String,
    /// The test inside; empty for the unit as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it failed: newest commit first, then by builder; at most [`TestLine::MOST`].
    pub failures: Vec<TestFailure>,
}

impl TestLine {
    /// Failures listed of one test.
    pub const MOST: usize = 200;
}

/// Where a test failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestFailure {
    /// The commit.
    pub commit: CommitId,
    /// The builder.
    pub builder: BuilderName,
    /// The attempt that told of it.
    pub attempt: AttemptKey,
    /// It passed in the same run when it was run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaked: bool,
    /// The end of what it said, at most [`TestFailure::OUTPUT`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl TestFailure {
    /// Of an output.
    pub const OUTPUT: usize = 300;
}
