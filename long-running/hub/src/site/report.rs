//! What the status page and its JSON form say: made once, shown in two ways.

use std::fmt::Display;
use std::time::Duration;

use farm_model::Timestamp;
use farm_model::id::{AttemptKey, HostType, HubId, HubSession, MachineId};
use serde::Serialize;

use super::Shown;
use crate::machines::{Census, Gone, Seen, Trouble, Wanted};
use crate::status::HubStatus;

/// Host types that are listed.
const MAX_HOSTS: usize = 200;

/// The hub, as of one moment. Durations are in seconds.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Counts since the start: `machines`, `busy`, `draining` and so on, at the top level as they always were.
    #[serde(flatten)]
    pub counts: HubStatus,
    /// The hub.
    pub hub: HubId,
    /// This life of it.
    pub session: HubSession,
    /// When it started.
    pub started: Timestamp,
    /// How long ago that was.
    pub uptime: f64,
    /// What became of pick-ups.
    pub pick_ups: PickUps,
    /// Host types that are connected or expected, the first of them by name.
    pub host_types: Vec<HostRow>,
    /// Host types that are not listed.
    pub more_host_types: usize,
    /// Machines of this page, by id.
    pub list: Vec<MachineRow>,
    /// Machines behind them.
    pub more: usize,
    /// What to give as `after` to see these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Machines that went lately, the last first.
    pub gone: Vec<GoneRow>,
}

/// Connections that machines picked up.
#[derive(Debug, Serialize)]
pub struct PickUps {
    /// Handed to whom they were for.
    pub handed: u64,
    /// Nobody waited for them any more.
    pub late: u64,
    /// For no session of this hub.
    pub unknown: u64,
    /// All that were refused, here or on the port for other hubs: late, unknown, or not to be handed over.
    pub refused: u64,
}

/// Machines of one host type.
#[derive(Debug, Serialize)]
pub struct HostRow {
    /// The host type.
    pub host_type: String,
    /// Connected.
    pub connected: usize,
    /// Of these, how many work.
    pub busy: usize,
    /// How many there should be, if somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
}

/// One machine.
#[derive(Debug, Serialize)]
pub struct MachineRow {
    /// The name it registered with.
    pub name: String,
    /// What it is.
    pub host_type: HostType,
    /// Its buildlet's version.
    pub version: i64,
    /// The version of reverse dialing that it speaks.
    pub revdial: &'static str,
    /// For how long it has been connected.
    pub connected: f64,
    /// The attempt it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<AttemptKey>,
    /// The attempt that it is kept for, as that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<AttemptKey>,
    /// For how long it has been busy, or idle.
    pub state_for: f64,
    /// How long ago it was last heard of.
    pub seen: f64,
    /// Pick-ups that were asked of it, where it dials in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pick_ups: Option<MachinePickUps>,
    /// The last thing that went wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<TroubleRow>,
}

/// Pick-ups of one session.
#[derive(Debug, Serialize)]
pub struct MachinePickUps {
    /// Done.
    pub done: u64,
    /// The machine said that it could not.
    pub failed: u64,
    /// Nobody came in time.
    pub late: u64,
    /// Awaited now.
    pub waiting: usize,
}

/// Something that went wrong.
#[derive(Debug, Serialize)]
pub struct TroubleRow {
    /// What.
    pub text: String,
    /// How long ago.
    pub ago: f64,
}

/// A machine that went.
#[derive(Debug, Serialize)]
pub struct GoneRow {
    /// The name it had registered with.
    pub name: String,
    /// What it was.
    pub host_type: HostType,
    /// Why it went.
    pub why: TroubleRow,
}

/// The hub as it is now, with the machines that are `wanted`.
pub fn make(shown: &Shown, wanted: &Wanted) -> Report {
    let census = shown.registry.census(wanted);
    let (pick_ups, counts) = (shown.dialers.counts(), shown.status.borrow().clone());
    let now = shown.identity.now();
    let list: Vec<MachineRow> = census.machines.iter().map(machine).collect();
    let last = list.last().filter(|_| census.more > 0);
    let hosts = hosts(&census, shown);
    Report {
        hub: shown.identity.hub.clone(),
        session: shown.identity.session.clone(),
        started: shown.started,
        uptime: now.duration_since(shown.started).as_secs_f64(),
        pick_ups: PickUps {
            handed: pick_ups.handed,
            late: pick_ups.unwanted,
            unknown: pick_ups.unknown,
            refused: pick_ups.unwanted + pick_ups.unknown + counts.not_handed_over,
        },
        more_host_types: hosts.len().saturating_sub(MAX_HOSTS),
        host_types: hosts.into_iter().take(MAX_HOSTS).collect(),
        counts,
        next: last.map(|last| last.name.clone()),
        list,
        more: census.more,
        gone: census.gone.iter().map(gone).collect(),
    }
}

fn hosts(census: &Census, shown: &Shown) -> Vec<HostRow> {
    let mut hosts = census.hosts.clone();
    for host_type in shown.expect.keys() {
        hosts.entry(host_type.clone()).or_default();
    }
    hosts
        .into_iter()
        .map(|(host_type, count)| HostRow {
            expected: shown.expect.get(&host_type).copied(),
            host_type: host_type.to_string(),
            connected: count.connected,
            busy: count.busy,
        })
        .collect()
}

fn machine(seen: &Seen) -> MachineRow {
    MachineRow {
        name: seen.machine.name().to_owned(),
        host_type: seen.machine.host_type.clone(),
        version: seen.machine.version,
        revdial: seen.machine.protocol(),
        connected: seen.machine.connected_for().as_secs_f64(),
        busy: seen.busy.clone(),
        held: seen.held.clone(),
        state_for: seen.state_for.as_secs_f64(),
        seen: seen.machine.silent_for().as_secs_f64(),
        pick_ups: seen.machine.stats().map(|stats| MachinePickUps {
            done: stats.picked_up,
            failed: stats.failed,
            late: stats.late,
            waiting: stats.waiting,
        }),
        trouble: seen.trouble.as_ref().map(trouble),
    }
}

fn trouble(trouble: &Trouble) -> TroubleRow {
    TroubleRow {
        text: trouble.text.clone(),
        ago: trouble.at.elapsed().as_secs_f64(),
    }
}

fn gone(gone: &Gone) -> GoneRow {
    GoneRow {
        name: name(&gone.id).to_owned(),
        host_type: gone.host_type.clone(),
        why: trouble(&gone.why),
    }
}

/// A machine's id without its hub.
fn name(id: &MachineId) -> &str {
    id.as_str()
        .split_once('/')
        .map_or(id.as_str(), |(_, name)| name)
}

impl Report {
    /// Machines that wait for work.
    pub fn idle(&self) -> usize {
        self.counts.machines.saturating_sub(self.counts.busy)
    }

    /// Attempts that ended.
    pub fn ended(&self) -> u64 {
        self.counts.ok + self.counts.failed + self.counts.lost
    }
}

impl HostRow {
    /// How many are not there that should be.
    pub fn missing(&self) -> usize {
        self.expected.unwrap_or(0).saturating_sub(self.connected)
    }
}

/// An attempt whose build is cut to eight digits.
pub fn short(attempt: &AttemptKey) -> String {
    let build: String = attempt.build.as_str().chars().take(8).collect();
    format!(
        "{build}/{}/{}/{}",
        attempt.run, attempt.job, attempt.attempt
    )
}

/// A number as people read it: `1,203,344`.
pub fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A duration of a report as people say it.
pub fn said(seconds: &f64) -> String {
    crate::text::rough(Duration::try_from_secs_f64(*seconds).unwrap_or_default())
}
