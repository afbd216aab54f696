//! What decides, in the leader as in a replay of its log: the farm, and what it is told again when it begins anew.

use std::collections::BTreeSet;

use farm_core::{Effects, Fact, Farm, Policy, Saved};
use farm_model::Timestamp;
use farm_model::id::HubId;
use serde::{Deserialize, Serialize};

use super::echo::Echo;

/// Facts in, effects out.
#[derive(Debug)]
pub(super) struct Mind {
    farm: Farm,
    echo: Echo,
}

impl Mind {
    /// From records.
    pub(super) fn restore(policy: Policy, saved: Saved, now: Timestamp) -> Self {
        Self {
            farm: Farm::restore(policy, saved, now),
            echo: Echo::default(),
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
            self.echo.hear(&fact);
            self.farm.apply(fact, now, effects);
        }
        if choose {
            self.farm.choose(now, effects);
        }
    }

    /// Begins anew from the records as they are, and hears at once what was said last. From then on nothing depends on
    /// what was before: what this returns is a checkpoint.
    pub(super) fn renew(&mut self, now: Timestamp, effects: &mut Effects) -> Origin {
        let hubs: BTreeSet<HubId> = self.farm.machines().map(|of| of.hub.clone()).collect();
        self.echo.keep(|hub| hubs.contains(hub));
        let origin = Origin {
            at: now,
            policy: self.farm.policy().clone(),
            saved: self.farm.saved(),
            echoes: self.echo.facts(),
        };
        *self = Self::begin(origin.clone(), effects);
        origin
    }

    /// As another did in [`Mind::renew`].
    pub(super) fn begin(origin: Origin, effects: &mut Effects) -> Self {
        let mut mind = Self::restore(origin.policy, origin.saved, origin.at);
        mind.decide(origin.echoes, false, origin.at, effects);
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
    /// What it was told again.
    pub(super) echoes: Vec<Fact>,
}
