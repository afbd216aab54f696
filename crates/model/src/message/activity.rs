//! `activity`: something may have happened outside. A hint: the coordinator plans only from what it re-reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::DeliveryId;

/// One webhook delivery, verified and translated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// SHA-256 of the raw body; the key of de-duplication together with the source.
    pub delivery: DeliveryId,
    /// The sender's own delivery id, outside the signature and so only for people.
    pub guid: Option<String>,
    /// When the function received it.
    pub received: Timestamp,
    /// What it claims.
    pub hint: Hint,
}

/// What a delivery claims to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Hint {
    /// From GitHub.
    Github(GithubHint),
    /// From Gerrit.
    Gerrit(GerritHint),
}

/// A GitHub webhook event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GithubHint {
    /// `X-GitHub-Event`: `push`, `issues`, `pull_request`, …
    pub event: String,
    /// `action` of the payload; empty for a push.
    #[serde(default)]
    pub action: String,
    /// Owner, as in `repository.full_name` before the slash.
    pub owner: String,
    /// Repository, after the slash.
    pub repo: String,
    /// `ref` of a push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// `issue.number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<u64>,
    /// `pull_request.number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
}

/// An event of Gerrit's webhooks plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GerritHint {
    /// `type`: `ref-updated`, `patchset-created`, `comment-added`, …
    pub event: String,
    /// `project` or `change.project`.
    pub project: String,
    /// `refUpdate.refName`, or `patchSet.ref`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// `change.url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `patchSet.revision`, or `refUpdate.newRev`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// `change.number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
}

impl Hint {
    /// The repository as the outside names it: `owner/repo`, or the Gerrit project.
    #[must_use]
    pub fn outside_name(&self) -> String {
        match self {
            Self::Github(hint) => format!("{}/{}", hint.owner, hint.repo),
            Self::Gerrit(hint) => hint.project.clone(),
        }
    }

    /// `github` or `gerrit`.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Github(_) => "github",
            Self::Gerrit(_) => "gerrit",
        }
    }
}

impl Message for Activity {
    const TYPE: &'static str = "farmhand.activity.delivered.v1";
    const TOPIC: Topic = Topic::Activity;
}
