//! `grid/<repo>/-/<branch>.json`, the newest commits of a branch × builders, and `sheet/<repo>/-/<branch>/<n>.json`, the
//! same of thirty commits for ever.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::id::{AttemptKey, BuildId, BuilderName, LogHash, RepoName};
use crate::record::CommitInfo;

/// Commits of a sheet: number `n` has those numbered `n * SHEET_ROWS` up to, and without, `(n + 1) * SHEET_ROWS`.
pub const SHEET_ROWS: u64 = 30;

/// Either document: commits × builders, newest commit first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridView {
    /// When it was made.
    pub made: Timestamp,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// Which sheet it is; none for the newest commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<u64>,
    /// How many commits of the branch the farm has seen: the next will have this number.
    #[serde(default)]
    pub total: u64,
    /// Columns. A sheet has those whose builds it shows, configured or not any more.
    pub builders: Vec<BuilderName>,
    /// Rows.
    pub rows: Vec<GridRow>,
}

/// One commit's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridRow {
    /// Its place on the branch, counted from the oldest that the farm has seen; dense, and the same for ever unless the
    /// branch is rewritten.
    #[serde(default)]
    pub number: u64,
    /// The commit.
    pub commit: CommitInfo,
    /// One per column; none where no build is wanted.
    pub cells: Vec<Option<Cell>>,
}

/// One build in the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The build.
    pub build: BuildId,
    /// Its newest run.
    pub run: u32,
    /// Its state.
    pub status: Status,
    /// Where to read why it failed or was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why a run failed, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One line for people, at most [`Failure::REASON`] bytes.
    pub reason: String,
    /// The attempt that decided it, where the log is; none where nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptKey>,
    /// What clients of 2019 find that log by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHash>,
    /// All that failed is known to fail by chance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_chance: bool,
}

impl Failure {
    /// Of a reason.
    pub const REASON: usize = 200;
}

/// The sheet that a commit stands on.
#[must_use]
pub fn sheet_of(number: u64) -> u64 {
    number / SHEET_ROWS
}
