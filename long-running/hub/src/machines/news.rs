//! What there is to tell of machines.

use farm_model::id::MachineId;
use farm_model::message::progress::MachineReport;

use super::Registry;
use super::registry::{Departure, Entry};
use crate::ledger::Owner;

/// What a beat speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every machine.
    All,
    /// What has changed since the last beat.
    Changed,
}

/// What there is to tell, as of one moment.
#[derive(Debug, PartialEq, Eq)]
pub struct News {
    /// Number of the first message; the following ones count on.
    pub first_seq: u64,
    /// No new work is taken.
    pub draining: bool,
    /// Machines that went, and why.
    pub gone: Vec<(MachineId, Departure)>,
    /// Machines that are there.
    pub present: Vec<MachineReport>,
}

impl Registry {
    /// What there is to tell now, in messages of at most `part` machines each: their numbers are taken here, under the
    /// same lock as what they say, so that a higher number never tells an older state.
    pub fn news(&self, scope: Scope, part: usize) -> News {
        let mut state = self.state.lock();
        let untold = std::mem::take(&mut state.untold);
        let present: Vec<MachineReport> = match scope {
            Scope::All => state.machines.values().map(report).collect(),
            Scope::Changed => untold
                .keys()
                .filter_map(|id| state.machines.get(id).map(report))
                .collect(),
        };
        let gone: Vec<(MachineId, Departure)> = untold
            .into_iter()
            .filter(|(id, _)| !state.machines.contains_key(id))
            .collect();
        let first_seq = state.seq + 1;
        let parts = present.len().div_ceil(part.max(1)).max(1);
        state.seq += (gone.len() + parts) as u64;
        News {
            first_seq,
            draining: state.draining,
            gone,
            present,
        }
    }

    /// These could not be told: next time again, unless something newer is known by then.
    pub fn untold(&self, news: News) {
        let mut state = self.state.lock();
        for (id, departure) in news.gone {
            state.untold.entry(id).or_insert(departure);
        }
        for report in news.present {
            state.untold.entry(report.machine).or_default();
        }
    }
}

fn report(entry: &Entry) -> MachineReport {
    let owner = entry.machine.owner();
    MachineReport {
        machine: entry.machine.id.clone(),
        host_type: entry.machine.host_type.clone(),
        version: entry.machine.version,
        busy: entry.busy.clone().or_else(|| entry.telling.clone()),
        labels: entry.machine.labels(),
        identity: Some(entry.machine.identity().to_owned()),
        held: entry.held.as_ref().map(|held| held.attempt().clone()),
        owner_unread: owner == Owner::Unread,
        owner: match owner {
            Owner::Is(owner) => Some(owner),
            Owner::Nobody | Owner::Unread => None,
        },
    }
}
