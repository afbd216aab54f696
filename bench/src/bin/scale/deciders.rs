//! Those who decide: the core alone, and the leader with its store.

use std::time::Instant;

use coordinator::Leader;
use farm_core::{Effects, Fact, Farm, Policy, Saved, ViewKey};
use farm_model::Timestamp;
use farm_model::event::{Event, Topic};
use farm_store::{Committed, Epoch, Keep, Store};

/// Facts in, and what may be told once they have had their effect.
pub trait Decides {
    /// One decision: what the facts change, and which waiting jobs go to which machines.
    fn decide(&mut self, facts: Vec<Fact>, now: Timestamp) -> Vec<(Topic, Event)>;
    /// The farm.
    fn farm(&self) -> &Farm;
}

/// `farm-core`, and nothing is kept.
pub struct Core(Farm);

impl Core {
    /// An empty farm.
    pub fn new(now: Timestamp) -> Self {
        Self(Farm::restore(Policy::default(), Saved::default(), now))
    }
}

impl Decides for Core {
    fn decide(&mut self, facts: Vec<Fact>, now: Timestamp) -> Vec<(Topic, Event)> {
        let mut effects = Effects::default();
        for fact in facts {
            self.0.apply(fact, now, &mut effects);
        }
        self.0.choose(now, &mut effects);
        effects.outbox
    }

    fn farm(&self) -> &Farm {
        &self.0
    }
}

/// The coordinator's leader, with queues and bucket that take everything at once.
pub struct Durable {
    leader: Leader,
    store: Box<dyn Store>,
    epoch: Epoch,
    /// How long reading the records took, in seconds.
    pub load_seconds: f64,
}

impl Durable {
    /// As the store has it.
    pub fn new(mut store: Box<dyn Store>, now: Timestamp) -> Self {
        let began = Instant::now();
        let loaded = store.load(Keep::Everything).unwrap();
        let load_seconds = began.elapsed().as_secs_f64();
        let epoch = loaded.epoch;
        let (leader, _) = Leader::restore(loaded, Policy::default(), now);
        Self {
            leader,
            store,
            epoch,
            load_seconds,
        }
    }
}

impl Decides for Durable {
    fn decide(&mut self, facts: Vec<Fact>, now: Timestamp) -> Vec<(Topic, Event)> {
        let batch = self.leader.take(facts, now).unwrap().batch;
        if batch.is_empty() {
            return Vec::new();
        }
        assert_eq!(
            self.store.commit(self.epoch, &batch).unwrap(),
            Committed::Yes
        );
        let tellable = self.leader.committed(batch);
        let ids = tellable.outbox.iter().map(|(_, event)| event.id.clone());
        self.leader.told(ids.collect());
        let views = tellable.dirty.iter().map(ViewKey::clone).collect();
        self.leader.written(views);
        tellable.outbox
    }

    fn farm(&self) -> &Farm {
        self.leader.farm()
    }
}
