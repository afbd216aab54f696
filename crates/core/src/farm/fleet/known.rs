//! The fleet as it was heard of, for a leader that begins anew from its own records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::{AttemptKey, HubId, MachineId};

use super::{Fleet, Hub, Machine};

/// Everything that hubs have said and no record holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::farm) struct Known {
    hubs: Vec<(HubId, Hub)>,
    machines: Vec<Machine>,
    gone: BTreeMap<MachineId, (u64, Timestamp)>,
    cancelled: BTreeMap<MachineId, AttemptKey>,
    /// The turn in which each machine was last used, and the last of all.
    turns: (BTreeMap<MachineId, u64>, u64),
}

impl Fleet {
    /// What is known now.
    pub(in crate::farm) fn known(&self) -> Known {
        let hubs = self.hubs.iter();
        Known {
            hubs: hubs.map(|(id, hub)| (id.clone(), hub.clone())).collect(),
            machines: self.machines.values().cloned().collect(),
            gone: self.gone.clone(),
            cancelled: self.cancelled.clone(),
            turns: (self.idle.turns.clone(), self.idle.turn),
        }
    }

    /// Goes on from what was known. Leases and who is barred come from records, and are known already.
    pub(in crate::farm) fn know(&mut self, known: Known) {
        self.hubs = known.hubs.into_iter().collect();
        self.gone = known.gone;
        self.cancelled = known.cancelled;
        (self.idle.turns, self.idle.turn) = known.turns;
        for machine in known.machines {
            let id = machine.id.clone();
            self.place(&id, &machine.hub, &machine.host_type);
            self.machines.insert(id.clone(), machine);
            self.refresh(&id);
        }
    }
}
