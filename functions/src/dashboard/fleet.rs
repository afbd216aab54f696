//! Open builds and machines, as the front page shows them.

use std::collections::BTreeMap;

use farm_model::view::{FarmView, MachineView, OpenBuildView};

use super::cells::Badge;
use super::text::Moment;

/// Open builds that are shown: the oldest.
const OPEN_SHOWN: usize = 20;
/// Machines of a host type that are shown one by one.
const MACHINES_SHOWN: usize = 200;

/// A build that is not over.
pub(super) struct Open {
    pub(super) badge: Badge,
    pub(super) build: String,
    pub(super) builder: String,
    pub(super) repo: String,
    pub(super) commit: String,
    pub(super) why: String,
    pub(super) since: Moment,
}

/// Machines of one host type.
#[derive(Default)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) count: usize,
    pub(super) busy: usize,
    pub(super) machines: Vec<Machine>,
}

/// A machine.
pub(super) struct Machine {
    pub(super) name: String,
    /// The build it works on.
    pub(super) build: Option<String>,
    pub(super) seen: Moment,
}

pub(super) fn open(farm: &FarmView) -> Vec<Open> {
    farm.open.iter().take(OPEN_SHOWN).map(open_build).collect()
}

fn open_build(open: &OpenBuildView) -> Open {
    Open {
        badge: open.status.into(),
        build: open.build.to_string(),
        builder: open.builder.to_string(),
        repo: open.repo.to_string(),
        commit: open.commit.short().to_owned(),
        why: open.why.clone(),
        since: Moment(open.since),
    }
}

pub(super) fn hosts(farm: &FarmView) -> Vec<Host> {
    let mut hosts = BTreeMap::<&str, Host>::new();
    for machine in &farm.machines {
        let host = hosts.entry(machine.host_type.as_str()).or_default();
        machine.host_type.as_str().clone_into(&mut host.name);
        host.count += 1;
        host.busy += usize::from(machine.busy.is_some());
        if host.machines.len() < MACHINES_SHOWN {
            host.machines.push(one(machine));
        }
    }
    hosts.into_values().collect()
}

fn one(machine: &MachineView) -> Machine {
    Machine {
        name: machine.machine.to_string(),
        build: machine.busy.as_ref().map(|busy| busy.build.to_string()),
        seen: Moment(machine.seen),
    }
}
