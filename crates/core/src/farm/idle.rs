//! Idle machines by what they can do, the best first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use farm_model::id::{HostType, MachineId, MachineName};

use super::Machine;
use crate::queue::Need;

/// Whether a machine can be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// It can.
    Idle,
    /// It was leased, or its hub says that it works.
    Busy,
    /// Its hub keeps it for the next job of a run.
    Held,
    /// It has yet to prove itself with a known job.
    Unproved,
    /// Its hub would not take work for it, and has not spoken of it since.
    Suspect,
    /// Its hub takes no new work.
    HubDraining,
    /// It was drained, or set aside.
    Barred,
}

/// Fewest losses first, then the one that was used least recently, and its id.
type Place = (usize, u64, MachineId);
/// Labels that somebody needs.
type Labels = BTreeSet<String>;

/// Machines that can be leased, by host type and labels.
#[derive(Debug, Default)]
pub(super) struct Idle {
    sets: BTreeMap<HostType, BTreeMap<Labels, BTreeSet<Place>>>,
    places: BTreeMap<MachineId, (HostType, Labels, Place)>,
    /// Labels that needs mention: others make no difference.
    mentioned: Labels,
    losses: BTreeMap<MachineName, usize>,
    /// The turn in which each machine was last used.
    pub(super) turns: BTreeMap<MachineId, u64>,
    pub(super) turn: u64,
}

impl Idle {
    pub(super) fn put(&mut self, machine: &Machine) {
        let id = &machine.id;
        let labels = self.mentioned(machine);
        let losses = id.name().and_then(|name| self.losses.get(&name).copied());
        let turn = self.turns.get(id).copied().unwrap_or(0);
        let place = (losses.unwrap_or(0), turn, id.clone());
        let new = (machine.host_type.clone(), labels, place);
        if self.places.get(id) == Some(&new) {
            return;
        }
        self.remove(id);
        let (host, labels, place) = new.clone();
        let sets = self.sets.entry(host).or_default();
        sets.entry(labels).or_default().insert(place);
        self.places.insert(id.clone(), new);
    }

    /// The labels of a machine that make a difference.
    pub(super) fn mentioned(&self, machine: &Machine) -> Labels {
        let labels = machine.labels.intersection(&self.mentioned);
        labels.cloned().collect()
    }

    pub(super) fn remove(&mut self, id: &MachineId) {
        let Some((host, labels, place)) = self.places.remove(id) else {
            return;
        };
        let Some(sets) = self.sets.get_mut(&host) else {
            return;
        };
        if let Some(set) = sets.get_mut(&labels) {
            set.remove(&place);
            if set.is_empty() {
                sets.remove(&labels);
            }
        }
        if sets.is_empty() {
            self.sets.remove(&host);
        }
    }

    /// The machine was leased.
    pub(super) fn used(&mut self, id: &MachineId) {
        self.turn += 1;
        self.turns.insert(id.clone(), self.turn);
    }

    /// The machine is gone for good: what is remembered of it is bounded by who is connected.
    pub(super) fn forget(&mut self, id: &MachineId) {
        self.turns.remove(id);
    }

    pub(super) fn set_losses(&mut self, name: &MachineName, losses: usize) {
        if losses == 0 {
            self.losses.remove(name);
        } else {
            self.losses.insert(name.clone(), losses);
        }
    }

    /// These labels make a difference; true if they are others than before.
    pub(super) fn mention(&mut self, labels: Labels) -> bool {
        let changed = labels != self.mentioned;
        self.mentioned = labels;
        changed
    }

    /// Whether any machine of the host type is idle.
    pub(super) fn any(&self, host: &HostType) -> bool {
        self.sets.contains_key(host)
    }

    /// The best machine for a need that is not among `spurned`: of those with fewest losses, one with few labels, so that
    /// what only others can do stays free.
    pub(super) fn best(&self, need: &Need, spurned: &[MachineId]) -> Option<&MachineId> {
        let sets = self.sets.get(&need.host)?;
        let fit = sets
            .iter()
            .filter(|(labels, _)| need.labels.is_subset(labels));
        let firsts = fit.filter_map(|(labels, places)| {
            let mut wanted = places.iter().filter(|(_, _, id)| !spurned.contains(id));
            let (losses, turn, id) = wanted.next()?;
            Some((losses, labels.len(), turn, id))
        });
        firsts.min().map(|(_, _, _, id)| id)
    }
}
