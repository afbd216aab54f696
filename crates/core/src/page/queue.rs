//! `queue/<host type>.json`.

use jiff::Timestamp;

use farm_model::id::HostType;
use farm_model::view::{QueueEntry, QueueMachines, QueueView};

use crate::explain::Explainer;
use crate::farm::{Farm, Standing};
use crate::queue::{JobRef, Rank};

/// Jobs listed.
const LISTED: usize = 1_000;

/// The document of one host type.
#[must_use]
pub fn of(farm: &Farm, host: &HostType, now: Timestamp) -> QueueView {
    let mut explainer = Explainer::new(farm, now);
    let order = farm.queue().in_order(host, LISTED).into_iter();
    let counts = farm.queue().counts(host).into_iter();
    QueueView {
        made: now,
        host: host.clone(),
        machines: machines(farm, host),
        waiting: counts
            .map(|(class, count)| (class.as_str().to_owned(), count))
            .collect(),
        entries: order
            .filter_map(|(rank, job)| entry(farm, rank, job, &mut explainer))
            .collect(),
    }
}

fn machines(farm: &Farm, host: &HostType) -> QueueMachines {
    let mut machines = QueueMachines::default();
    for machine in farm.machines_like(host) {
        match machine.standing {
            Standing::Idle => machines.idle += 1,
            Standing::Busy | Standing::Suspect => machines.busy += 1,
            Standing::Held => machines.held += 1,
            Standing::Barred | Standing::Unproved | Standing::HubDraining => machines.aside += 1,
        }
    }
    machines
}

fn entry(
    farm: &Farm,
    rank: &Rank,
    job: &JobRef,
    explainer: &mut Explainer<'_>,
) -> Option<QueueEntry> {
    let build = farm.build(&job.build)?;
    let run = farm.runs(&job.build).last()?;
    let (expected_start, length) = explainer.forecast(job);
    Some(QueueEntry {
        build: build.id.clone(),
        run: run.number,
        job: run.jobs.get(job.job)?.name.clone(),
        builder: build.key.builder.clone(),
        class: rank.class().as_str().to_owned(),
        due: rank.due(),
        since: run.opened,
        expected_start,
        expected_seconds: length.as_secs_f64(),
    })
}
