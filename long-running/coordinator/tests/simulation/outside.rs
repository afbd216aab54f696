//! What every actor of a world reaches: time, chance, queues, the database, and the ledger that judges.

use std::collections::{BTreeMap, BTreeSet};

use coordinator::{Checkpoint, Place};
use farm_core::Policy;
use farm_model::Timestamp;
use farm_model::event::{Event, Message};
use farm_model::id::{BlobId, CommandId, HubId};
use farm_model::message::activity::Activity;
use farm_model::message::command::Command;
use farm_model::message::progress::{AttemptProgress, HubHeartbeat, MachineGone, OrderProgress};
use farm_model::message::work::{CancelJob, RunJob};
use farm_model::view::PoolsView;
use farm_store::{Epoch, Store};
use jiff::SignedDuration;

use crate::ledger::Ledger;
use crate::pool::Told;
use crate::queue::{Life, Queue};
use crate::rng::Rng;
use crate::source::Source;

/// The wounds that a test may give to show that they are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// All is as it should be.
    None,
    /// The database lets an old leader write.
    NoFence,
    /// Events are published before they are stored.
    TellsEarly,
    /// Deliveries are acknowledged before they are stored.
    AcksEarly,
}

/// What hubs, the pool, and the coordinator's own pulse, say on `progress`.
#[derive(Debug, Clone)]
pub enum Word {
    Progress(AttemptProgress),
    Beat(HubHeartbeat),
    Gone(MachineGone),
    Order(OrderProgress),
    Pulse(Life),
}

/// What a hub is told.
#[derive(Debug, Clone)]
pub enum Order {
    Run(Box<RunJob>),
    Cancel(CancelJob),
}

impl Order {
    pub fn of(event: &Event) -> Option<Self> {
        match event.kind.as_str() {
            RunJob::TYPE => event.decode().ok().map(|job| Self::Run(Box::new(job))),
            CancelJob::TYPE => event.decode().ok().map(Self::Cancel),
            _ => None,
        }
    }

    pub fn hub(&self) -> &HubId {
        match self {
            Self::Run(job) => &job.hub,
            Self::Cancel(cancel) => &cancel.hub,
        }
    }
}

#[derive(Default)]
pub struct Queues {
    pub activity: Queue<Activity>,
    pub commands: Queue<Command>,
    pub progress: Queue<Word>,
    pub work: BTreeMap<HubId, Queue<Order>>,
    pub pool: Queue<Told>,
}

pub struct Outside {
    /// Milliseconds since the world began.
    pub now: i64,
    /// Whether things go wrong.
    pub storm: bool,
    pub rng: Rng,
    pub queues: Queues,
    pub store: Box<dyn Store>,
    pub source: Source,
    pub ledger: Ledger,
    /// The document of orders, and the epoch that wrote it.
    pub pools: Option<PoolsView>,
    pub pools_epoch: Option<Epoch>,
    pub sabotage: Sabotage,
    /// Commands that people gave.
    pub sent: Vec<CommandId>,
    /// From where decisions may be replayed.
    pub checkpoints: BTreeMap<Place, Checkpoint>,
    /// Archives that were kept and are there.
    pub blobs: BTreeSet<BlobId>,
    lives: Life,
    /// What happened, where somebody reads it.
    pub trace: Option<Vec<String>>,
}

impl Outside {
    pub fn new(seed: u64, store: Box<dyn Store>, sabotage: Sabotage, traced: bool) -> Self {
        Self {
            now: 0,
            storm: true,
            rng: Rng::new(seed),
            queues: Queues::default(),
            store,
            source: Source::new(seed),
            ledger: Ledger::default(),
            pools: None,
            pools_epoch: None,
            sabotage,
            sent: Vec::new(),
            checkpoints: BTreeMap::new(),
            blobs: BTreeSet::new(),
            lives: 0,
            trace: traced.then(Vec::new),
        }
    }

    pub fn time(&self) -> Timestamp {
        time(self.now)
    }

    pub fn new_life(&mut self) -> Life {
        self.lives += 1;
        self.lives
    }

    /// An archive is kept.
    pub fn keep_blob(&mut self) -> BlobId {
        let blob: BlobId = format!("{:064x}", self.new_life()).parse().unwrap();
        self.blobs.insert(blob.clone());
        blob
    }

    /// When a message that is published now arrives: mostly soon.
    pub fn arrival(&mut self) -> i64 {
        let delay = match self.rng.below(20) {
            0 if self.storm => self.rng.between(500, 2_000),
            1..=5 if self.storm => self.rng.between(50, 500),
            _ => self.rng.between(0, 50),
        };
        self.now + delay
    }

    /// How often it arrives: mostly once.
    pub fn copies(&mut self) -> usize {
        1 + usize::from(self.storm && self.rng.chance(50))
    }

    pub fn say(&mut self, word: &Word) {
        for _ in 0..self.copies() {
            let due = self.arrival();
            self.queues.progress.publish(word.clone(), due);
        }
    }

    pub fn order(&mut self, order: &Order) {
        for _ in 0..self.copies() {
            let due = self.arrival();
            let queue = self.queues.work.entry(order.hub().clone()).or_default();
            queue.publish(order.clone(), due);
        }
    }

    /// The pool is told, unless that gets lost.
    pub fn tell_pool(&mut self, told: &Told) {
        if self.storm && self.rng.chance(100) {
            return;
        }
        for _ in 0..self.copies() {
            let due = self.arrival();
            self.queues.pool.publish(told.clone(), due);
        }
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3}  {}", self.now as f64 / 1000.0, line()));
        }
    }
}

/// A moment of the world's time.
pub fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

/// The farm's numbers, a quarter of the real ones, so that a story is soon told.
pub fn policy() -> Policy {
    Policy {
        grace: SignedDuration::from_millis(GRACE),
        offer: SignedDuration::from_secs(10),
        back_off_cap: SignedDuration::from_secs(4),
        elsewhere: SignedDuration::from_secs(20),
        aside_first: SignedDuration::from_secs(3),
        aside_cap: SignedDuration::from_secs(10),
        remembered: SignedDuration::from_secs(4),
        gather: SignedDuration::from_secs(2),
        pool_back_off: SignedDuration::from_millis(500),
        pool_back_off_cap: SignedDuration::from_secs(4),
        pool_refused: SignedDuration::from_secs(3),
        pool_boot: SignedDuration::from_secs(8),
        pool_away: SignedDuration::from_secs(8),
        pool_coming: SignedDuration::from_secs(1),
        pool_settle: SignedDuration::from_secs(1),
        pool_show: SignedDuration::from_secs(2),
        checkpoint_after: 20_000,
        checkpoint_every: SignedDuration::ZERO,
        ..Policy::default()
    }
}

/// Silence that counts as loss, in milliseconds.
pub const GRACE: i64 = 5_000;
