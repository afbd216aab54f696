//! Connected machines as pages and metrics show them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farm_model::id::{AttemptKey, HostType, MachineId};

use super::registry::{Entry, State};
use super::{Machine, Registry};

/// Which machines to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this host type only.
    pub host_type: Option<HostType>,
    /// Those behind this one, in the order of their ids.
    pub after: Option<MachineId>,
    /// At most so many.
    pub most: usize,
}

/// How many of one host type there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Connected.
    pub connected: usize,
    /// Of these, how many work on an attempt.
    pub busy: usize,
}

/// What is connected, as of one moment.
#[derive(Default)]
pub struct Census {
    /// All machines by host type.
    pub hosts: BTreeMap<HostType, Count>,
    /// All machines by version of reverse dialing.
    pub protocols: BTreeMap<&'static str, usize>,
    /// Those wanted.
    pub machines: Vec<Seen>,
    /// How many more there are behind them that fit what is wanted.
    pub more: usize,
    /// Machines that went lately, the last first.
    pub gone: Vec<Gone>,
}

/// A connected machine.
pub struct Seen {
    /// The machine.
    pub machine: Arc<Machine>,
    /// What it works on.
    pub busy: Option<AttemptKey>,
    /// The attempt as which left it it is kept, while it works on nothing.
    pub held: Option<AttemptKey>,
    /// For how long it has been busy, or idle.
    pub state_for: Duration,
    /// The last thing that went wrong with it, on this connection or an earlier one.
    pub trouble: Option<Trouble>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Instant,
    /// What, on one line.
    pub text: String,
}

/// A machine that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its id.
    pub id: MachineId,
    /// What it was.
    pub host_type: HostType,
    /// When and why it went.
    pub why: Trouble,
}

impl Registry {
    /// Counts all machines and shows those wanted. One pass under the lock (12 ms for 10,000, built for
    /// debugging); what a machine says of itself is for the caller to ask.
    pub fn census(&self, wanted: &Wanted) -> Census {
        let state = self.state.lock();
        let mut census = Census {
            gone: state.gone.iter().rev().cloned().collect(),
            ..Census::default()
        };
        for entry in state.machines.values() {
            let host = match census.hosts.get_mut(&entry.machine.host_type) {
                Some(host) => host,
                None => census
                    .hosts
                    .entry(entry.machine.host_type.clone())
                    .or_default(),
            };
            host.connected += 1;
            host.busy += usize::from(entry.busy.is_some());
            *census
                .protocols
                .entry(entry.machine.protocol())
                .or_default() += 1;
        }
        let from = wanted
            .after
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let behind = state
            .machines
            .range::<MachineId, _>((from, Bound::Unbounded));
        for (_, entry) in behind.filter(|(_, entry)| fits(entry, wanted)) {
            if census.machines.len() < wanted.most {
                census.machines.push(seen(entry, &state));
            } else {
                census.more += 1;
            }
        }
        census
    }

    /// Remembers what went wrong with a machine. Only the last is kept.
    pub fn trouble(&self, id: &MachineId, text: &str) {
        self.state.lock().trouble(id, text);
    }
}

fn fits(entry: &Entry, wanted: &Wanted) -> bool {
    let only = wanted.host_type.as_ref();
    only.is_none_or(|only| entry.machine.host_type == *only)
}

fn seen(entry: &Entry, state: &State) -> Seen {
    Seen {
        machine: Arc::clone(&entry.machine),
        busy: entry.busy.clone(),
        held: entry.held.as_ref().map(|held| held.attempt().clone()),
        state_for: entry.since.elapsed(),
        trouble: state.troubles.get(&entry.machine.id).cloned(),
    }
}
