//! The farm in numbers: what operators are shown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{BuildId, HostType, HubId};
use farm_model::order::OrderStand;
use farm_model::record::{Job, JobState};
use farm_model::view::{FarmStatus, HubStatus, MachineCounts, OrderCounts, QueueStatus};

use crate::farm::{Farm, Machine, Standing};
use crate::queue::JobRef;

/// Open builds among which the longest-waiting one of each host type is looked for. They are the oldest ones, so that it is
/// missed only behind so many others that are older.
const LOOKED_AT: usize = 10_000;

/// The farm's part of `status.json`. Its cost grows with machines and host types, not with builds.
#[must_use]
pub fn status(farm: &Farm, now: Timestamp) -> FarmStatus {
    FarmStatus {
        made: now,
        name: farm.config().name.clone(),
        open: farm.open().len(),
        running: farm.leased(),
        queues: queues(farm),
        machines: machines(farm),
        orders: orders(farm),
        hubs: hubs(farm),
        intake: farm.intake(),
        troubles: farm.troubles().collect(),
    }
}

fn queues(farm: &Farm) -> Vec<QueueStatus> {
    let mut queues: BTreeMap<HostType, QueueStatus> = BTreeMap::new();
    for (host, (waiting, pausing)) in farm.queue().lengths() {
        let queue = entry(&mut queues, host);
        (queue.waiting, queue.pausing) = (waiting, pausing);
    }
    for (host, since) in oldest(farm) {
        entry(&mut queues, &host).oldest = Some(since);
    }
    for machine in farm.machines() {
        let queue = entry(&mut queues, &machine.host_type);
        queue.machines += 1;
        queue.busy += usize::from(is_busy(machine));
    }
    queues.into_values().collect()
}

fn entry<'a>(
    queues: &'a mut BTreeMap<HostType, QueueStatus>,
    host: &HostType,
) -> &'a mut QueueStatus {
    queues.entry(host.clone()).or_insert_with(|| QueueStatus {
        host_type: host.clone(),
        waiting: 0,
        pausing: 0,
        oldest: None,
        machines: 0,
        busy: 0,
    })
}

/// Since when the longest-waiting build of each host type is open.
fn oldest(farm: &Farm) -> BTreeMap<HostType, Timestamp> {
    let mut missing: BTreeSet<&HostType> = farm.queue().lengths().map(|(host, _)| host).collect();
    let mut oldest = BTreeMap::new();
    for id in farm.open().take(LOOKED_AT) {
        if missing.is_empty() {
            break;
        }
        if let Some((host, opened)) = waits(farm, id)
            && missing.remove(host)
        {
            oldest.insert(host.clone(), opened);
        }
    }
    oldest
}

/// The host type that a build waits for, and since when it is open.
fn waits<'a>(farm: &'a Farm, id: &BuildId) -> Option<(&'a HostType, Timestamp)> {
    let run = farm.runs(id).last()?;
    let waiting = |job: &Job| matches!(job.state, JobState::Waiting { .. });
    let job = JobRef {
        build: id.clone(),
        job: run.jobs.iter().position(waiting)?,
    };
    Some((&farm.queue().need(&job)?.host, run.opened))
}

fn machines(farm: &Farm) -> MachineCounts {
    let away = farm.owned().filter(|machine| machine.away.is_some());
    let mut counts = MachineCounts {
        away: away.count(),
        ..MachineCounts::default()
    };
    let is_aside = |machine: &Machine| {
        let name = machine.id.name();
        name.is_some_and(|name| farm.book().aside(&name).is_some())
    };
    for machine in farm.machines() {
        let count = match machine.standing {
            Standing::Idle => &mut counts.idle,
            Standing::Busy | Standing::Suspect => &mut counts.busy,
            Standing::Held => &mut counts.held,
            Standing::Unproved => &mut counts.aside,
            Standing::Barred if is_aside(machine) => &mut counts.aside,
            Standing::Barred | Standing::HubDraining => &mut counts.draining,
        };
        *count += 1;
    }
    counts
}

fn orders(farm: &Farm) -> OrderCounts {
    let mut counts = OrderCounts::default();
    for ordered in farm.orders() {
        *match ordered.line.stand {
            OrderStand::Wanted => &mut counts.wanted,
            OrderStand::Waits { .. } => &mut counts.waits,
            OrderStand::Made { .. } => &mut counts.made,
            OrderStand::Here { .. } => &mut counts.here,
            OrderStand::Ending { .. } => &mut counts.ending,
        } += 1;
    }
    counts
}

fn is_busy(machine: &Machine) -> bool {
    machine.lease.is_some() || machine.busy.is_some()
}

fn hubs(farm: &Farm) -> Vec<HubStatus> {
    let mut counts: BTreeMap<&HubId, usize> = BTreeMap::new();
    for machine in farm.machines() {
        *counts.entry(&machine.hub).or_default() += 1;
    }
    let hubs = farm.hubs().map(|(id, hub)| HubStatus {
        hub: id.clone(),
        session: hub.session.clone(),
        heard: hub.heard,
        draining: hub.draining,
        machines: counts.get(id).copied().unwrap_or(0),
    });
    hubs.collect()
}
