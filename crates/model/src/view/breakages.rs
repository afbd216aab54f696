//! `breakages/<repo>/-/<branch>.json`: which commits turned builders red, and which green again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{BuildId, BuilderName, CommitId, RepoName};

use super::Failure;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakagesView {
    /// When it was made.
    pub made: Timestamp,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// Those found last first; at most [`BreakagesView::MOST`].
    pub breakages: Vec<Breakage>,
}

impl BreakagesView {
    /// How many are listed.
    pub const MOST: usize = 200;
}

/// A commit that turned a builder red: the one before it was green (spec `dashboard.md` 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakage {
    /// The builder.
    pub builder: BuilderName,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The commit that broke it.
    pub commit: CommitId,
    /// First line of its message.
    pub subject: String,
    /// Who wrote it: `Ann Example <ann@example.com>`.
    pub author: String,
    /// The newest green commit before it.
    pub green: CommitId,
    /// The red build.
    pub build: BuildId,
    /// The run that was red.
    pub run: u32,
    /// Why.
    pub failure: Failure,
    /// When it was found.
    pub at: Timestamp,
    /// When the builder was green again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended: Option<Mended>,
}

/// The end of a breakage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mended {
    /// The first commit that is green again; the breaking one itself, where its build came out well when it was run again.
    pub commit: CommitId,
    /// When it was found.
    pub at: Timestamp,
}
