//! One machine, and what it can be used for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::{AttemptKey, HostType, HubId, MachineId};
use farm_model::message::progress::MachineReport;

use super::super::idle::Standing;
use crate::queue::Need;

/// A connected machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its hub.
    pub hub: HubId,
    /// What it is.
    pub host_type: HostType,
    /// What we leased it for.
    pub lease: Option<AttemptKey>,
    /// What its hub says it works on.
    pub busy: Option<AttemptKey>,
    /// What its hub keeps it for: a job that continues this attempt.
    pub held: Option<AttemptKey>,
    /// What it can do beyond its host type.
    pub labels: BTreeSet<String>,
    /// What its trust hangs on.
    pub identity: Option<String>,
    /// When its hub last spoke of it, by our clock.
    pub seen: Timestamp,
    /// Whether it can be leased, or why not.
    pub standing: Standing,
    /// Its hub would not take work for it, and has not spoken of it since.
    pub(super) suspect: bool,
    /// It has yet to prove itself with a known job.
    pub(super) unproved: bool,
    pub(in crate::farm) seq: u64,
}

impl Machine {
    /// One that is heard of for the first time: busy with nothing, as far as is known.
    pub(super) fn new(hub: &HubId, report: &MachineReport, now: Timestamp) -> Self {
        Self {
            id: report.machine.clone(),
            hub: hub.clone(),
            host_type: report.host_type.clone(),
            lease: None,
            busy: None,
            held: None,
            labels: BTreeSet::new(),
            identity: None,
            seen: now,
            standing: Standing::Suspect,
            suspect: false,
            unproved: false,
            seq: 0,
        }
    }

    /// Whether it has what a need asks for.
    #[must_use]
    pub fn fits(&self, need: &Need) -> bool {
        self.host_type == need.host && need.labels.is_subset(&self.labels)
    }

    /// Whether it works, or could.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        !matches!(
            self.standing,
            Standing::Barred | Standing::HubDraining | Standing::Unproved
        )
    }

    pub(in crate::farm) fn is_unproved(&self) -> bool {
        self.unproved
    }

    /// Whether it does nothing, and its hub would take work for it.
    pub(super) fn is_free(&self) -> bool {
        self.lease.is_none() && self.busy.is_none() && !self.suspect
    }

    pub(super) fn stand(&self, barred: bool, draining: bool) -> Standing {
        if barred {
            Standing::Barred
        } else if draining {
            Standing::HubDraining
        } else if self.unproved {
            Standing::Unproved
        } else if self.lease.is_some() || self.busy.is_some() {
            Standing::Busy
        } else if self.suspect {
            Standing::Suspect
        } else if self.held.is_some() {
            Standing::Held
        } else {
            Standing::Idle
        }
    }
}
