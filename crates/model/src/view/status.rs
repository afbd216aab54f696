//! `status.json`: how the farm and its coordinator are doing, for operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{HostType, HubId, HubSession};
use crate::keep::KeepDays;

/// `status.json`: what the page, the JSON and `farm status` show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The farm, as decisions know it.
    #[serde(flatten)]
    pub farm: FarmStatus,
    /// The process that decides.
    pub coordinator: CoordinatorStatus,
    /// What it listens to, by name.
    pub subscriptions: Vec<SubscriptionStatus>,
}

/// The farm in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FarmStatus {
    /// As of when.
    pub made: Timestamp,
    /// Its name.
    pub name: String,
    /// Builds that are not over.
    pub open: usize,
    /// Attempts on machines.
    pub running: usize,
    /// Host types that have machines or waiting jobs, by name.
    pub queues: Vec<QueueStatus>,
    /// Machines in all.
    pub machines: MachineCounts,
    /// Machines that the farm has made for it.
    #[serde(default)]
    pub orders: OrderCounts,
    /// Hubs heard since the leader started, by name.
    pub hubs: Vec<HubStatus>,
    /// Deliveries by day and source, the newest day first.
    pub intake: Vec<IntakeStatus>,
    /// What an operator should know.
    pub troubles: Vec<String>,
}

/// The queue of one host type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// The host type.
    pub host_type: HostType,
    /// Jobs that could go now.
    pub waiting: usize,
    /// Jobs that pause after a loss or a refusal.
    pub pausing: usize,
    /// Since when the longest-waiting build is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// Machines connected.
    pub machines: usize,
    /// Of these, how many work.
    pub busy: usize,
}

/// Machines by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineCounts {
    /// They wait for work.
    pub idle: usize,
    /// They work.
    pub busy: usize,
    /// Kept as an attempt left them, for a job that continues it.
    pub held: usize,
    /// Not used, as the farm decided.
    pub aside: usize,
    /// Not used, as somebody asked, or since their hubs take no new work.
    pub draining: usize,
    /// With an owner, and not connected.
    pub away: usize,
}

/// Machines that are ordered, by how that stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCounts {
    /// They are to be made now.
    pub wanted: usize,
    /// They could not be made, and are tried again.
    pub waits: usize,
    /// They have yet to register.
    pub made: usize,
    /// They have registered.
    pub here: usize,
    /// They are to be deleted.
    pub ending: usize,
}

/// A hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubStatus {
    /// Its name.
    pub hub: HubId,
    /// Its life.
    pub session: HubSession,
    /// When it last spoke, by the coordinator's clock.
    pub heard: Timestamp,
    /// It takes no new work.
    pub draining: bool,
    /// Machines connected to it.
    pub machines: usize,
}

/// Deliveries that one source sent on one day: `accepted = effective + repeated + refused`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeStatus {
    /// `2026-11-24`, UTC, by when a function received them.
    pub day: String,
    /// `github`, `gerrit`.
    pub source: String,
    /// All that reached the coordinator.
    pub accepted: u64,
    /// For the first time.
    pub effective: u64,
    /// Once more.
    pub repeated: u64,
    /// Nobody could read them.
    pub refused: u64,
    /// Of the stored ones, how many had to be told again since nobody had heard of them.
    pub found: u64,
}

/// Whether this process decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It opens its doors.
    Starting,
    /// It waits for the leader to end.
    Standby,
    /// It decides.
    Leading,
}

impl Role {
    /// `starting`, `standby`, `leading`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Leading => "leading",
        }
    }
}

/// One coordinator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoordinatorStatus {
    /// Its version.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// The epoch it leads in; 0 before it leads.
    pub epoch: i64,
    /// When the process started.
    pub started: Timestamp,
    /// Events that are durable and not known to be told.
    pub outbox: usize,
    /// When the oldest of them was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox_oldest: Option<Timestamp>,
    /// Pages that are out of date.
    pub dirty_views: usize,
    /// How long transactions take.
    pub commits: CommitTimes,
    /// Runs decided since it leads.
    pub decided: u64,
    /// Messages that changed nothing since it leads: repeated, stale or unknown.
    pub ignored: u64,
    /// For how long things are kept in the bucket, once it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepDays>,
    /// What it has removed from there, once it has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepStatus>,
}

/// What a leader has removed from the bucket because it was old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepStatus {
    /// When it last ended a look.
    pub at: Timestamp,
    /// What was removed since it leads, by the parts of the bucket where anything was.
    pub areas: Vec<SweptArea>,
    /// Why the last look broke off somewhere, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was removed from a part of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweptArea {
    /// The part: `logs`.
    pub area: String,
    /// Objects removed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Of the newest transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CommitTimes {
    /// How many there were in all.
    pub count: u64,
    /// Half of the newest took at most so long.
    pub p50_milliseconds: f64,
    /// All but one in a hundred.
    pub p99_milliseconds: f64,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionStatus {
    /// Its name.
    pub name: String,
    /// When something last came; none since the start if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Timestamp>,
    /// How old that was when it came: the lag of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    /// Its dead letters; none before they were first counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<DeadStatus>,
}

/// Dead letters of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadStatus {
    /// How many, counted up to 100.
    pub count: usize,
    /// Why one of them lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
