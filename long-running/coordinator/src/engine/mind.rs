//! What decides, in the leader as in a replay of its log: the farm, and what it goes on from when it begins anew.

use farm_core::{Carried, Effects, Fact, Farm, Policy, Saved};
use farm_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Facts in, effects out.
#[derive(Debug)]
pub(super) struct Mind {
    farm: Farm,
}

impl Mind {
    /// From records.
    pub(super) fn restore(policy: Policy, saved: Saved, now: Timestamp) -> Self {
        Self {
            farm: Farm::restore(policy, saved, now),
        }
    }

    pub(super) fn farm(&self) -> &Farm {
        &self.farm
    }

    /// Applies facts in their order, then leases what waits if it is to choose.
    pub(super) fn decide(
        &mut self,
        facts: Vec<Fact>,
        choose: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        for fact in facts {
            self.farm.apply(fact, now, effects);
        }
        if choose {
            self.farm.choose(now, effects);
        }
    }

    /// Begins anew from the records as they are and what is known beside them, so that it decides as it would have. From then
    /// on nothing depends on what was before: what this returns is a checkpoint.
    pub(super) fn renew(&mut self, now: Timestamp) -> Origin {
        let origin = Origin {
            at: now,
            policy: self.farm.policy().clone(),
            saved: self.farm.saved(),
            carried: self.farm.carried(),
        };
        *self = Self::begin(origin.clone());
        origin
    }

    /// As another did in [`Mind::renew`].
    pub(super) fn begin(origin: Origin) -> Self {
        let mut mind = Self::restore(origin.policy, origin.saved, origin.at);
        mind.farm.go_on(origin.carried);
        mind
    }
}

/// All that a mind began with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Origin {
    /// When.
    pub(super) at: Timestamp,
    /// The farm's numbers.
    pub(super) policy: Policy,
    /// The records.
    pub(super) saved: Saved,
    /// What was known beside them.
    pub(super) carried: Carried,
}
