//! `queue/<host type>.json`: what waits for machines of a host type, in order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{BuildId, BuilderName, HostType, JobName};

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    /// When it was made.
    pub made: Timestamp,
    /// The host type.
    pub host: HostType,
    /// Its machines.
    pub machines: QueueMachines,
    /// How many jobs of each class wait, pausing ones included: `try`, `tip`, `sub`, `culprit`, `history`.
    pub waiting: BTreeMap<String, usize>,
    /// The first of them that do not pause, in order.
    pub entries: Vec<QueueEntry>,
}

/// What the machines of a host type do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueMachines {
    /// They wait for work.
    pub idle: usize,
    /// They work.
    pub busy: usize,
    /// They are set aside or drained, have yet to prove themselves, or are at a hub that is being stopped.
    pub aside: usize,
    /// They are kept for the next job of a run.
    pub held: usize,
}

/// A job that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Its build.
    pub build: BuildId,
    /// Its run.
    pub run: u32,
    /// Its name.
    pub job: JobName,
    /// Its builder.
    pub builder: BuilderName,
    /// What it is wanted for.
    pub class: String,
    /// Nothing that is wanted after this goes first.
    pub due: Timestamp,
    /// When its run was opened.
    pub since: Timestamp,
    /// When it will begin, if all take as long as they usually do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_start: Option<Timestamp>,
    /// How long it usually takes, in seconds.
    pub expected_seconds: f64,
}
