//! `progress`: what hubs see of attempts and machines.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Message, Topic};
use crate::id::{
    AttemptKey, BlobId, HostType, HubId, HubSession, LogHash, MachineId, MachineName, PoolName,
};
use crate::order::NotMade;

/// One thing that happened to one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptProgress {
    /// The hub that drives it.
    pub hub: HubId,
    /// The life of that hub.
    pub session: HubSession,
    /// The machine.
    pub machine: MachineId,
    /// The attempt.
    pub attempt: AttemptKey,
    /// Counts from 1 in each attempt; what comes with a lower number than one seen is old.
    pub seq: u64,
    /// When it happened, by the hub's clock.
    pub at: Timestamp,
    /// What happened.
    pub what: AttemptEvent,
}

/// The life of an attempt as its hub sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AttemptEvent {
    /// The hub has it; from here on its heartbeats own it, not the queue.
    Accepted,
    /// The hub does not take it (machine gone, past start-by, draining): requeue at once, it counts against nobody.
    Refused {
        /// Why.
        reason: String,
        /// What it would have gone on from, and is not there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<Missing>,
    },
    /// A step began.
    StepStarted {
        /// Counts the steps that were begun, from 0, each group of tests as one. What is placed first is no step.
        step: u32,
        /// Its name.
        name: String,
    },
    /// It ended. Holds all there is to know, so that losing every earlier message loses nothing.
    Finished {
        /// What came of it.
        report: AttemptReport,
    },
}

/// What an attempt should have gone on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The work dir is not as the attempt that it continues left it.
    WorkDir,
    /// The archive to restore is gone: what made it must be done again.
    Snapshot,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// Ok, failed or lost.
    pub outcome: Outcome,
    /// One line for people: `step test: exit status 1`; empty when ok.
    pub reason: String,
    /// The steps that ran, in order.
    pub steps: Vec<StepReport>,
    /// The log.
    pub log: LogSummary,
    /// The archive it kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<BlobId>,
    /// What can be tested, as it listed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// What came of tests: first those that failed or were not told of, then units; as many as a message holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestResult>,
    /// Whether every group of tests ran to its end, and all that failed, or of which nothing was told, is in `tests`:
    /// what is not there has passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tests_complete: bool,
    /// All of them: JSON lines of [`TestResult`], gzipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_whole: Option<BlobId>,
}

impl AttemptReport {
    /// One that tells nothing but how it came out.
    #[must_use]
    pub fn bare(outcome: Outcome, reason: String) -> Self {
        Self {
            outcome,
            reason,
            steps: Vec::new(),
            log: LogSummary::default(),
            snapshot: None,
            units: Vec::new(),
            tests: Vec::new(),
            tests_complete: false,
            tests_whole: None,
        }
    }
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// What was scheduled: an entry of the list.
    pub unit: String,
    /// The test inside; empty for the unit as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What came of it.
    pub outcome: TestOutcome,
    /// How long it took; 0 where the runner does not say.
    pub milliseconds: u64,
    /// The end of what it said, where it failed; of one that was not told of, how its command ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// It passed.
    Ok,
    /// It failed.
    Failed,
    /// It did not run, as its runner decided.
    Skipped,
    /// Its command failed, and did not say whether it was this: it may not even have run. Nothing is known of it.
    #[serde(rename = "not-told")]
    NotTold,
}

impl TestOutcome {
    /// Whether it is known that it did not fail.
    #[must_use]
    pub fn is_good(self) -> bool {
        match self {
            Self::Ok | Self::Skipped => true,
            Self::Failed | Self::NotTold => false,
        }
    }
}

/// Three outcomes, never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every step ended with status 0.
    Ok,
    /// The code's fault.
    Failed,
    /// Ours or the network's.
    Lost,
}

impl Outcome {
    /// `ok`, `failed`, `lost`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// `ok`, `exit status 3`, `signal: killed`, `timed out after 10s`: the buildlet's words or ours.
    pub state: String,
    /// When it began, by the hub's clock.
    pub started: Timestamp,
    /// How long it took.
    pub milliseconds: u64,
}

/// What was kept of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSummary {
    /// Bytes kept.
    pub bytes: u64,
    /// Bytes over the limit, dropped.
    pub dropped: u64,
    /// The whole log as one blob, once it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<BlobId>,
    /// What clients of 2019 find it by, once it can be found so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<LogHash>,
}

/// A hub says that it lives, and what it holds. Sent every few seconds, in parts where there are many machines; a
/// part is complete in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubHeartbeat {
    /// The hub.
    pub hub: HubId,
    /// Its life.
    pub session: HubSession,
    /// Counts heartbeats and machine reports of this session; older than one seen is old.
    pub seq: u64,
    /// By the hub's clock.
    pub at: Timestamp,
    /// How long until the next one.
    pub period_milliseconds: u64,
    /// It takes no new work.
    pub draining: bool,
    /// Machines connected.
    pub machines: Vec<MachineReport>,
}

/// A connected machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineReport {
    /// The machine.
    pub machine: MachineId,
    /// What it is.
    pub host_type: HostType,
    /// Its buildlet's version number.
    pub version: i64,
    /// The attempt it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<AttemptKey>,
    /// What it can do beyond its host type.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Stands for key, host type and agent: another one is another machine as far as trust goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Kept as this attempt left it, for a job that continues it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<AttemptKey>,
    /// Who is told when it is missing, where its record says so: an e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether that is only because the record could not be read when the machine came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner_unread: bool,
}

/// A machine's connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineGone {
    /// The hub.
    pub hub: HubId,
    /// Its life.
    pub session: HubSession,
    /// The same counter as the heartbeats'.
    pub seq: u64,
    /// The machine.
    pub machine: MachineId,
    /// Why, for people.
    pub reason: String,
    /// Whether the hub itself took it out of use: it halts as it should, or could not be cleaned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
}

impl Message for AttemptProgress {
    const TYPE: &'static str = "farmhand.attempt.progress.v1";
    const TOPIC: Topic = Topic::Progress;
}

impl Message for HubHeartbeat {
    const TYPE: &'static str = "farmhand.hub.heartbeat.v1";
    const TOPIC: Topic = Topic::Progress;
}

impl Message for MachineGone {
    const TYPE: &'static str = "farmhand.machine.gone.v1";
    const TOPIC: Topic = Topic::Progress;
}

/// What became of an order for a machine, as its pool tells. What is told of an order that does not stand, or of another
/// attempt at making it than the present one, changes nothing; only where an order is ending, its machine is gone whatever the
/// attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProgress {
    /// The machine.
    pub machine: MachineName,
    /// The pool.
    pub pool: PoolName,
    /// Which attempt at making it this is about.
    pub attempt: u32,
    /// When it happened, by the pool's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: OrderEvent,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum OrderEvent {
    /// The machine was made, or was there already.
    Made {
        /// Where: a zone, a namespace.
        place: String,
    },
    /// It was not.
    Failed {
        /// What to do about it.
        cause: NotMade,
        /// In the pool's words.
        reason: String,
    },
    /// It is not there: deleted, or taken back.
    Gone {
        /// Why, for people.
        reason: String,
    },
}

impl Message for OrderProgress {
    const TYPE: &'static str = "farmhand.machine.order.v1";
    const TOPIC: Topic = Topic::Progress;
}
