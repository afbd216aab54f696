//! Machines that the farm has made for it, and what became of that.
//!
//! The coordinator writes an order down before anybody hears of it. `provision` makes the machine, under the order's name, and
//! tells; twice the same order is one machine.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Container, Vm};
use crate::id::{HostType, MachineName, PoolName};

/// A machine that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineOrder {
    /// Its name, which no other machine has or had. It suits every cloud: at most 63 of `a-z`, `0-9` and `-`, the first a
    /// letter, the last none of `-`.
    pub machine: MachineName,
    /// What it registers as.
    pub host_type: HostType,
    /// Who makes it.
    pub pool: PoolName,
    /// What it is made of.
    pub spec: MachineSpec,
    /// Whether the cloud may take it back at any time.
    pub spot: bool,
    /// What it has beyond its host type.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// When it was written down; of a later attempt, when that began.
    pub at: Timestamp,
    /// When it goes, whatever it does then. Later with each attempt.
    pub until: Timestamp,
    /// Counts the times that it is tried to be made, from 1.
    pub attempt: u32,
}

/// What a machine is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineSpec {
    /// A virtual machine.
    Vm(Vm),
    /// A container.
    Container(Container),
}

/// How an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stands", rename_all = "kebab-case")]
pub enum OrderStand {
    /// It is to be made now.
    Wanted,
    /// It could not be made, and is tried again.
    Waits {
        /// Not before.
        again: Timestamp,
        /// Why it could not.
        cause: NotMade,
        /// In the pool's words.
        reason: String,
    },
    /// The pool has made it. It has yet to register.
    Made {
        /// Where: a zone, a namespace.
        place: String,
    },
    /// It has registered at a hub.
    Here {
        /// Where it was made.
        place: String,
    },
    /// It is to be deleted: no work for it, its time is over, or it is of no use.
    Ending {
        /// Why, for people.
        reason: String,
    },
}

/// Why a machine was not made, sorted by what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotMade {
    /// There are no such machines now, in no zone: later.
    StockOut,
    /// There may be no more: when one has gone.
    Quota,
    /// The pool did not answer, or not in time: again, under the same name.
    Passing,
    /// It can never be made so.
    Refused,
}

impl NotMade {
    /// `stock-out`, `quota`, `passing`, `refused`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StockOut => "stock-out",
            Self::Quota => "quota",
            Self::Passing => "passing",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_before_there_were_labels_reads_and_one_without_is_written_as_it_was() {
        let json = serde_json::json!({
            "machine": "linux-rn1", "host_type": "host-linux", "pool": "vms",
            "spec": { "vm": { "image": "debian", "machine": "m7i.large", "buildlet": "linux-amd64", "min_cpu": null } },
            "spot": false, "at": "2026-01-01T00:00:00Z", "until": "2026-01-01T06:00:00Z", "attempt": 1,
        });
        let mut order: MachineOrder = serde_json::from_value(json.clone()).unwrap();
        assert!(order.labels.is_empty());
        assert_eq!(serde_json::to_value(&order).unwrap(), json);
        order.labels.insert("gpu".to_owned());
        let labelled = serde_json::to_value(&order).unwrap();
        assert_eq!(labelled["labels"], serde_json::json!(["gpu"]));
        assert_eq!(
            serde_json::from_value::<MachineOrder>(labelled).unwrap(),
            order
        );
    }
}
