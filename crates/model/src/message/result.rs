//! `results`: announced from the outbox, after it is durable.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::{AttemptKey, BuildId, BuilderName, CommitId, RepoName};
use crate::message::progress::Outcome;

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
    /// The attempt that decided it, where the log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptKey>,
}

impl Message for RunFinished {
    const TYPE: &'static str = "farmhand.run.finished.v1";
    const TOPIC: Topic = Topic::Results;
}
