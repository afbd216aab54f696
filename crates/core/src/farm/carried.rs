//! What is known and not stored, carried over when a leader begins anew from its own records: nothing that is decided may
//! hang on when that happens. A new leader knows nothing of this, and hears it within seconds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::{AttemptKey, MachineName};
use farm_model::record::JobState;

use super::Farm;
use super::aside::Losses;
use super::fleet::Known;
use super::ledger::Found;
use super::pools::Seen;

/// Of one farm, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    listening_since: Timestamp,
    ticked: Timestamp,
    looked: Option<AttemptKey>,
    fleet: Known,
    /// When the machines of current attempts last spoke of them.
    mentioned: Vec<(AttemptKey, Timestamp)>,
    losses: Losses,
    /// Identities of which the known job was lost: so many times, and when it is tried again.
    canaries_lost: BTreeMap<String, (usize, Timestamp)>,
    unheard: BTreeSet<MachineName>,
    hubless: Option<Timestamp>,
    found: Found,
    orders: Seen,
    troubles: BTreeMap<String, String>,
}

impl Farm {
    /// What a farm that is restored from [`Farm::saved`] has to be told to go on as this one would.
    #[must_use]
    pub fn carried(&self) -> Carried {
        Carried {
            listening_since: self.listening_since,
            ticked: self.ticked,
            looked: self.looked.clone(),
            fleet: self.fleet.known(),
            mentioned: self.mentioned(),
            losses: self.losses.clone(),
            canaries_lost: self.canaries.lost.clone(),
            unheard: self.owned.unheard.clone(),
            hubless: self.owned.hubless,
            found: self.found.clone(),
            orders: self.orders_seen(),
            troubles: self.troubles.clone(),
        }
    }

    /// Goes on as the farm did of which this was carried. To be called on a farm as it was restored.
    pub fn go_on(&mut self, carried: Carried) {
        self.listening_since = carried.listening_since;
        self.ticked = carried.ticked;
        self.looked = carried.looked;
        self.know_losses(carried.losses);
        self.fleet.know(carried.fleet);
        for (attempt, at) in carried.mentioned {
            self.mention(&attempt, at);
        }
        self.canaries.lost = carried.canaries_lost;
        self.owned.unheard = carried.unheard;
        self.owned.hubless = carried.hubless;
        self.found = carried.found;
        self.know_orders_seen(carried.orders);
        self.troubles = carried.troubles;
    }

    fn mentioned(&self) -> Vec<(AttemptKey, Timestamp)> {
        let leases = self.leases.iter();
        let mentioned = leases.filter_map(|(key, of)| {
            let job = self.runs.get(&of.build)?.last()?.jobs.get(of.job)?;
            let leased = job.state == JobState::Leased;
            let at = job.attempts.last()?.mentioned.filter(|_| leased)?;
            Some((key.clone(), at))
        });
        mentioned.collect()
    }
}
