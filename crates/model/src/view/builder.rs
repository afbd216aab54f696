//! `builder/<builder>.json`: what a builder has done lately.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BuildLine, Expected};
use crate::id::{BuilderName, CommitId, HostType, RepoName};
use crate::kept::{Flake, Pause};

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuilderView {
    /// When it was made.
    pub made: Timestamp,
    /// The builder.
    pub builder: BuilderName,
    /// What its machines are; none once it is not configured any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_type: Option<HostType>,
    /// Why nothing of it is leased, if somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// How long it usually takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Expected>,
    /// Its builds of the commits that branches still show, the newest run of each, those opened last first; at most
    /// [`BuilderView::MOST`].
    pub runs: Vec<BuilderRun>,
    /// Its tests that fail by chance, those seen last first; at most [`BuilderView::MOST`].
    pub flakes: Vec<Flake>,
}

impl BuilderView {
    /// Lines of each list.
    pub const MOST: usize = 200;
}

/// One of its builds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuilderRun {
    /// The repository.
    pub repo: RepoName,
    /// The commit.
    pub commit: CommitId,
    /// First line of its message; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The build.
    #[serde(flatten)]
    pub line: BuildLine,
}
