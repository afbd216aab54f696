//! The leader as a state machine: facts and a moment in, one transaction out, and once that is durable, what may be told.
//! It knows no clock, no task and no store, so that a simulation and a replay drive the very code that decides.

use std::collections::VecDeque;

use farm_core::{Effects, Fact, Farm, Policy, Saved, ViewKey};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::{Event, Topic};
use farm_store::{Batch, ConfigRecord, Decision, Loaded, OutboxEntry, ViewVersion};

use super::batch::{self, Around};

/// Heartbeats that wait for a decision; of older ones newer ones say the same.
const QUIET: usize = 256;

/// What one round decided.
#[derive(Debug)]
pub struct Round {
    /// To be committed, unless it is empty. Nothing of the round may be told before.
    pub batch: Batch,
    /// Whether another configuration is in force from now on.
    pub configured: bool,
}

/// What may be told now.
#[derive(Debug, Default, PartialEq)]
pub struct Tellable {
    /// Events to publish, in order.
    pub outbox: Vec<(Topic, Event)>,
    /// Documents that are out of date.
    pub dirty: Vec<ViewKey>,
    /// Whether there are new lines of history.
    pub history: bool,
}

/// Runs and messages since this leader began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs decided.
    pub decided: u64,
    /// Messages that changed nothing: repeated, stale or unknown.
    pub ignored: u64,
}

/// The farm, and what of it is not yet durable.
#[derive(Debug)]
pub struct Leader {
    farm: Farm,
    /// Known to be done, to be struck out in the next transaction.
    told: Vec<String>,
    written: Vec<ViewKey>,
    versions: Vec<ViewVersion>,
    counts: Counts,
    /// Heartbeats since the last decision that changed nothing: logged with the next one that does.
    quiet: VecDeque<serde_json::Value>,
}

impl Leader {
    /// The farm as it was saved, and what an earlier leader may not have told.
    #[must_use]
    pub fn restore(loaded: Loaded, policy: Policy, now: Timestamp) -> (Self, Tellable) {
        let untold = Tellable {
            outbox: loaded.outbox.into_iter().map(told_as).collect(),
            dirty: views(&loaded.dirty),
            history: false,
        };
        let saved = Saved {
            config: loaded.config.and_then(parsed),
            branches: loaded.branches,
            builds: loaded.builds,
            runs: loaded.runs,
            inbox: loaded.inbox,
            feed: loaded.feed,
            owned: loaded.owned,
            kept: loaded.kept,
        };
        let leader = Self {
            farm: Farm::restore(policy, saved, now),
            told: Vec::new(),
            written: Vec::new(),
            versions: Vec::new(),
            counts: Counts::default(),
            quiet: VecDeque::new(),
        };
        (leader, untold)
    }

    /// The farm as decided, which may be ahead of what is durable while a batch is being committed.
    #[must_use]
    pub fn farm(&self) -> &Farm {
        &self.farm
    }

    /// Since it began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Applies facts in their order, and leases what waits.
    ///
    /// # Errors
    /// A record cannot be written as JSON.
    pub fn take(&mut self, facts: Vec<Fact>, now: Timestamp) -> serde_json::Result<Round> {
        self.decide(facts, true, now)
    }

    /// Applies nothing and leases nothing: only what was told and written is struck out.
    ///
    /// # Errors
    /// As [`Leader::take`].
    pub fn close(&mut self, now: Timestamp) -> serde_json::Result<Round> {
        self.decide(Vec::new(), false, now)
    }

    fn decide(
        &mut self,
        facts: Vec<Fact>,
        choose: bool,
        now: Timestamp,
    ) -> serde_json::Result<Round> {
        let before = self.farm.digest().to_owned();
        let mut effects = Effects::default();
        let mut inputs = Vec::new();
        let mut telling = false;
        for fact in facts {
            telling |= !matches!(fact, Fact::Tick | Fact::Heartbeat(_));
            if fact != Fact::Tick {
                inputs.push(serde_json::to_value(&fact)?);
            }
            self.farm.apply(fact, now, &mut effects);
        }
        if choose {
            self.farm.choose(now, &mut effects);
        }
        self.count(&effects);
        let configured = before != self.farm.digest();
        let around = Around {
            decision: self.logged(inputs, telling || !effects.is_empty(), now)?,
            configured,
            told: std::mem::take(&mut self.told),
            written: std::mem::take(&mut self.written),
            versions: std::mem::take(&mut self.versions),
        };
        let batch = batch::batch(&self.farm, effects, around, now)?;
        Ok(Round { batch, configured })
    }

    /// `batch` is durable: this may be told now.
    #[must_use]
    pub fn committed(&mut self, batch: Batch) -> Tellable {
        Tellable {
            dirty: views(&batch.dirty_add),
            history: !batch.history.is_empty(),
            outbox: batch.outbox_add.into_iter().map(told_as).collect(),
        }
    }

    /// The queues have these events.
    pub fn told(&mut self, ids: Vec<String>) {
        self.told.extend(ids);
    }

    /// The bucket has these documents.
    pub fn written(&mut self, keys: Vec<ViewKey>) {
        self.written.extend(keys);
    }

    /// The bucket calls its documents by these versions now.
    pub fn versions(&mut self, versions: Vec<ViewVersion>) {
        self.versions.extend(versions);
    }

    fn count(&mut self, effects: &Effects) {
        let decided = effects
            .outbox
            .iter()
            .filter(|(_, event)| event.id.starts_with("finished:"));
        self.counts.decided += decided.count() as u64;
        self.counts.ignored += effects.ignored;
    }

    /// What goes into the decision log: a heartbeat that changed nothing waits for a decision that it took part in.
    fn logged(
        &mut self,
        inputs: Vec<serde_json::Value>,
        decided: bool,
        now: Timestamp,
    ) -> serde_json::Result<Option<Decision>> {
        self.quiet.extend(inputs);
        if !decided {
            let excess = self.quiet.len().saturating_sub(QUIET);
            self.quiet.drain(..excess);
            return Ok(None);
        }
        let inputs = self.quiet.drain(..).collect::<Vec<_>>();
        if inputs.is_empty() {
            return Ok(None);
        }
        Ok(Some(Decision {
            at: now,
            inputs: serde_json::to_string(&inputs)?,
            config_digest: self.farm.digest().to_owned(),
        }))
    }
}

fn parsed(record: ConfigRecord) -> Option<(String, FarmConfig)> {
    Some((record.digest, serde_json::from_str(&record.text).ok()?))
}

fn told_as(entry: OutboxEntry) -> (Topic, Event) {
    (entry.topic, entry.event)
}

/// Of a farm that had other pages, those that this one has.
fn views(keys: &[String]) -> Vec<ViewKey> {
    keys.iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}
