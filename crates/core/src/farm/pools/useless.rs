//! Machines that were made and are of no use: they never register, or fail what others pass. Others of their host type will
//! hardly do better, so that they are ordered one by one, and ever more slowly, until one is of use.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::HostType;
use farm_model::order::{MachineOrder, NotMade};

use super::Farm;
use crate::farm::Standing;
use crate::policy::{Policy, later};

/// What speaks against the machines of a host type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Useless {
    /// So many in a row.
    times: u32,
    last: Timestamp,
    /// Which was the last, and why.
    reason: String,
}

/// Of host types of which the last machine was of no use. It is forgotten with a restart: then one more is tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AllUseless(BTreeMap<HostType, Useless>);

impl AllUseless {
    /// Until when no other is ordered; none where nothing speaks against that.
    pub(super) fn pause(&self, host: &HostType, policy: &Policy) -> Option<Timestamp> {
        let of = self.0.get(host)?;
        let pause = policy.order_again_in(NotMade::Passing, of.times);
        Some(later(of.last, pause))
    }

    /// What an operator should know.
    pub(super) fn trouble(&self, host: &HostType) -> Option<String> {
        let Useless { times, reason, .. } = self.0.get(host)?;
        Some(format!(
            "{times} of its machines in a row were of no use, and others are ordered slowly; look at their image, and at \
             what it says when it starts: {reason}"
        ))
    }
}

impl Farm {
    /// A machine that was made goes, as it is of no use.
    pub(super) fn note_useless(&mut self, order: &MachineOrder, reason: &str, now: Timestamp) {
        let all = &mut self.pools.seen.useless.0;
        let times = all.get(&order.host_type).map_or(0, |of| of.times);
        let of = Useless {
            times: times.saturating_add(1),
            last: now,
            reason: format!("{}: {reason}", order.machine),
        };
        all.insert(order.host_type.clone(), of);
    }

    /// A machine that has work, and has proved itself if it had to, is of use.
    pub(super) fn note_use(&mut self, order: &MachineOrder) {
        let busy = |of: &crate::farm::Machine| of.standing == Standing::Busy;
        if self.named(&order.machine).any(busy) {
            self.pools.seen.useless.0.remove(&order.host_type);
        }
    }
}
