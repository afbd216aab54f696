//! `pools.json`: the machines that are ordered, for `provision` and for people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::order::{MachineOrder, OrderStand};

/// The document. Made anew every minute while any host type has a pool, whether or not anything changed: what it does not
/// list, and is older than the document by more than a grace, was not ordered or is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolsView {
    /// When it was made: after every order that is not in it had ended.
    pub made: Timestamp,
    /// By name of the machine.
    pub orders: Vec<OrderLine>,
}

/// An order that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// What was ordered.
    #[serde(flatten)]
    pub order: MachineOrder,
    /// How it stands.
    #[serde(flatten)]
    pub stand: OrderStand,
    /// Since when.
    pub since: Timestamp,
}
