//! A coordinator's process around the real leader: one thing at a time, so that it can die between any two.

use std::collections::{BTreeSet, VecDeque};

use coordinator::{Leader, Tellable};
use farm_core::policy::earlier;
use farm_core::{Fact, Observation, ViewKey, explain, page};
use farm_model::event::{Event, Topic};
use farm_store::{Batch, Committed, Epoch, Keep};

use crate::outside::{GRACE, Order, Outside, Sabotage, Word, policy};
use crate::pool::Told;
use crate::queue::{Handle, Life};

/// Deliveries held at once.
const OUTSTANDING: usize = 8;
/// How often time itself is looked at, in milliseconds.
const TICK: i64 = 500;
/// How often the source is read without being asked.
const POLL: i64 = 8_000;

pub struct Coordinator {
    up: Option<Box<Up>>,
    /// When a dead one comes back.
    back_at: i64,
    frozen_until: i64,
}

/// A delivery to acknowledge.
#[derive(Debug, Clone, Copy)]
enum Held {
    Activity(Handle),
    Command(Handle),
    Progress(Handle),
}

#[derive(Default)]
struct Input {
    facts: Vec<Fact>,
    held: Option<Held>,
}

/// Where a round stands.
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
enum Stage {
    Decided { batch: Batch, held: Vec<Held> },
    Durable { held: Vec<Held> },
}

/// One life of a coordinator.
struct Up {
    life: Life,
    epoch: Epoch,
    leader: Leader,
    inputs: VecDeque<Input>,
    round: Option<Stage>,
    untold: VecDeque<(Topic, Event)>,
    /// Published and not yet known to the leader to be.
    told: Vec<String>,
    dirty: BTreeSet<ViewKey>,
    /// What was read of the source and is on its way.
    readings: Vec<(i64, Vec<Observation>, Option<Input>)>,
    tick_due: i64,
    poll_due: i64,
    pulse_due: i64,
    look_due: i64,
    heard: i64,
}

impl Coordinator {
    pub fn new(back_at: i64) -> Self {
        Self {
            up: None,
            back_at,
            frozen_until: 0,
        }
    }

    pub fn is_up(&self) -> bool {
        self.up.is_some()
    }

    pub fn step(&mut self, outside: &mut Outside) {
        if outside.now < self.frozen_until {
            return;
        }
        if self.up.is_none() && outside.now >= self.back_at {
            self.up = Some(Box::new(Up::start(outside)));
        }
        let Some(up) = &mut self.up else { return };
        up.listen(outside);
        up.look(outside);
        if up.go_on(outside).is_err() {
            outside.note(|| format!("coordinator {} is fenced off and stops", up.life));
            self.kill(20_000, outside);
            return;
        }
        up.hand_on(outside);
    }

    pub fn kill(&mut self, pause: i64, outside: &mut Outside) {
        if let Some(up) = self.up.take() {
            outside.note(|| format!("coordinator {} is gone for {pause} ms", up.life));
            let queues = &mut outside.queues;
            queues.activity.let_go(up.life, outside.now);
            queues.commands.let_go(up.life, outside.now);
            queues.progress.let_go(up.life, outside.now);
        }
        self.back_at = outside.now + pause;
    }

    pub fn freeze(&mut self, pause: i64, outside: &mut Outside) {
        if let Some(up) = &self.up {
            outside.note(|| format!("coordinator {} stands still for {pause} ms", up.life));
        }
        self.frozen_until = outside.now + pause;
    }

    pub fn heal(&mut self, outside: &Outside) {
        self.frozen_until = 0;
        self.back_at = self.back_at.min(outside.now);
    }

    /// Never comes back.
    pub fn retire(&mut self, outside: &mut Outside) {
        self.kill(i64::from(i32::MAX), outside);
        self.frozen_until = 0;
    }

    /// Why it is not at rest, if it is not.
    pub fn unrest(&self, outside: &Outside) -> Option<String> {
        let Some(up) = &self.up else {
            return Some("no coordinator".to_owned());
        };
        let farm = up.leader.farm();
        let why = |id| explain::explain(farm, id, outside.time());
        if let Some(id) = farm.open().next() {
            let why = why(id).map(|reason| reason.to_string());
            return Some(format!("{id} is open: {}", why.unwrap_or_default()));
        }
        let busy = up.round.is_some() || !up.untold.is_empty() || !up.told.is_empty();
        busy.then(|| "it has something to tell".to_owned())
    }

    pub fn leader(&self) -> Option<&Leader> {
        self.up.as_ref().map(|up| &up.leader)
    }
}

impl Up {
    fn start(outside: &mut Outside) -> Self {
        let since = earlier(outside.time(), policy().remembered);
        let loaded = outside.store.load(Keep::FinishedSince(since)).unwrap();
        let (life, epoch) = (outside.new_life(), loaded.epoch);
        outside.note(|| format!("coordinator {life} leads in epoch {epoch}"));
        let (leader, untold) = Leader::restore(loaded, policy(), outside.time());
        let first = leader.first_checkpoint(outside.time());
        outside.checkpoints.insert(first.place(), first);
        let mut up = Self {
            life,
            epoch,
            leader,
            inputs: VecDeque::new(),
            round: None,
            untold: VecDeque::new(),
            told: Vec::new(),
            dirty: BTreeSet::new(),
            readings: Vec::new(),
            tick_due: outside.now,
            poll_due: outside.now,
            pulse_due: outside.now,
            look_due: outside.now,
            heard: outside.now,
        };
        up.may_tell(untold);
        up.inputs.push_back(Input {
            facts: vec![Fact::Configured {
                digest: "1".to_owned(),
                config: Box::new(outside.source.config().clone()),
            }],
            held: None,
        });
        up
    }

    fn may_tell(&mut self, tellable: Tellable) {
        self.untold.extend(tellable.outbox);
        self.dirty.extend(tellable.dirty);
    }

    /// Takes one delivery from one of the queues.
    fn listen(&mut self, outside: &mut Outside) {
        if self.inputs.len() >= OUTSTANDING {
            return;
        }
        let (now, life) = (outside.now, self.life);
        let (queues, rng) = (&mut outside.queues, &mut outside.rng);
        if let Some((handle, word)) = queues.progress.take(now, life, rng) {
            self.hear(handle, word, outside);
        }
        let (queues, rng) = (&mut outside.queues, &mut outside.rng);
        if let Some((handle, command)) = queues.commands.take(now, life, rng) {
            self.inputs.push_back(Input {
                facts: vec![Fact::Command(command)],
                held: Some(Held::Command(handle)),
            });
        }
        if let Some((handle, activity)) = queues.activity.take(now, life, rng) {
            let input = Input {
                facts: vec![Fact::Heard(activity)],
                held: Some(Held::Activity(handle)),
            };
            self.read_source(Some(input), outside);
        }
    }

    fn hear(&mut self, handle: Handle, word: Word, outside: &mut Outside) {
        let fact = match word {
            Word::Progress(progress) => Fact::Progress(progress),
            Word::Beat(beat) => Fact::Heartbeat(beat),
            Word::Gone(gone) => Fact::MachineGone(gone),
            Word::Order(progress) => Fact::Order(progress),
            Word::Pulse(life) => {
                if life == self.life {
                    self.heard = outside.now;
                }
                return outside.queues.progress.ack(handle);
            }
        };
        self.inputs.push_back(Input {
            facts: vec![fact],
            held: Some(Held::Progress(handle)),
        });
    }

    /// What is read now arrives a little later, perhaps behind what is read after it.
    fn read_source(&mut self, input: Option<Input>, outside: &mut Outside) {
        let due = outside.now + outside.rng.between(5, 800);
        let observations = outside.source.observations(outside.now);
        self.readings.push((due, observations, input));
    }

    /// Looks at the time, at the source and at whether it would hear a hub.
    fn look(&mut self, outside: &mut Outside) {
        let now = outside.now;
        if now >= self.poll_due {
            self.poll_due = now + POLL;
            self.read_source(None, outside);
        }
        for (_, observations, input) in self.readings.extract_if(.., |(due, ..)| *due <= now) {
            let mut input = input.unwrap_or_default();
            input
                .facts
                .extend(observations.into_iter().map(Fact::Observed));
            self.inputs.push_back(input);
        }
        if now >= self.pulse_due {
            self.pulse_due = now + GRACE / 8;
            outside.say(&Word::Pulse(self.life));
        }
        if now >= self.look_due {
            self.look_due = now + GRACE / 8;
            if now - self.heard > GRACE / 2 {
                self.inputs.push_back(Input {
                    facts: vec![Fact::Deaf],
                    held: None,
                });
            }
        }
    }

    /// The next thing of a round: to decide, to commit, or to acknowledge one delivery.
    fn go_on(&mut self, outside: &mut Outside) -> Result<(), Fenced> {
        match self.round.take() {
            None => self.decide(outside),
            Some(Stage::Decided { batch, held }) => {
                if !batch.is_empty() {
                    self.commit(batch, outside)?;
                }
                self.round = Some(Stage::Durable { held });
            }
            Some(Stage::Durable { mut held }) => {
                if let Some(delivery) = held.pop() {
                    acknowledge(delivery, outside);
                    self.round = Some(Stage::Durable { held });
                }
            }
        }
        Ok(())
    }

    fn decide(&mut self, outside: &mut Outside) {
        let wake = self.leader.farm().next_wake();
        let due = outside.now >= self.tick_due || wake.is_some_and(|at| at <= outside.time());
        if self.inputs.is_empty() && !due {
            return;
        }
        let (mut facts, mut held) = (Vec::new(), Vec::new());
        let count = outside.rng.below(OUTSTANDING) + 1;
        for input in self.inputs.drain(..count.min(self.inputs.len())) {
            facts.extend(input.facts);
            held.extend(input.held);
        }
        if outside.now >= self.tick_due {
            self.tick_due = outside.now + TICK;
            facts.push(Fact::Tick);
        }
        let unknown = coordinator::unknown_to(self.leader.farm(), &facts);
        let recalled = coordinator::recalled(outside.store.as_mut(), unknown).unwrap();
        let facts = recalled.into_iter().chain(facts).collect();
        let round = self.leader.take(facts, outside.time()).unwrap();
        let checkpoint = round.checkpoint.map(|of| (of.place(), of));
        outside.checkpoints.extend(checkpoint);
        if outside.sabotage == Sabotage::TellsEarly {
            let early = self.leader.committed(round.batch.clone());
            self.may_tell(early);
        }
        if outside.sabotage == Sabotage::AcksEarly {
            held.drain(..).for_each(|of| acknowledge(of, outside));
        }
        self.judge(outside);
        self.round = Some(Stage::Decided {
            batch: round.batch,
            held,
        });
    }

    /// Now and then: every open build can say why it is open.
    fn judge(&self, outside: &mut Outside) {
        if !outside.rng.chance(100) {
            return;
        }
        let farm = self.leader.farm();
        let mut silent = farm
            .open()
            .filter(|id| explain::explain(farm, id, outside.time()).is_none());
        if let Some(id) = silent.next() {
            let what = format!("{id} is open and nothing explains why");
            outside.ledger.wrong.get_or_insert(what);
        }
    }

    fn commit(&mut self, batch: Batch, outside: &mut Outside) -> Result<(), Fenced> {
        match outside.store.commit(self.epoch, &batch).unwrap() {
            Committed::Fenced => return Err(Fenced),
            Committed::Yes => outside.ledger.committed(&batch),
        }
        let tellable = self.leader.committed(batch);
        if outside.sabotage != Sabotage::TellsEarly {
            self.may_tell(tellable);
        }
        Ok(())
    }

    /// Publishes one event; writes a page.
    fn hand_on(&mut self, outside: &mut Outside) {
        if let Some((_, event)) = self.untold.pop_front() {
            outside.ledger.published(&event);
            if let Some(order) = Order::of(&event) {
                outside.order(&order);
            }
            if let Some(told) = Told::of(&event) {
                outside.tell_pool(&told);
            }
            self.told.push(event.id);
        } else if !self.told.is_empty() {
            self.leader.told(std::mem::take(&mut self.told));
        }
        if self.round.is_none() && self.dirty.remove(&ViewKey::Pools) {
            self.show_orders(outside);
        } else if let Some(key) = self.next_page() {
            self.dirty.remove(&key);
            // Rendering costs more than all the rest.
            if outside.rng.chance(20) {
                page::render(self.leader.farm(), &key, outside.time()).unwrap();
            }
            self.leader.written(vec![key]);
        }
    }

    /// The next document that need not be of what is durable.
    fn next_page(&self) -> Option<ViewKey> {
        let pages = self.dirty.iter().find(|key| **key != ViewKey::Pools);
        pages.cloned()
    }

    /// Writes the document of orders: of what is durable, and never one of an older leader over a newer one's.
    fn show_orders(&mut self, outside: &mut Outside) {
        let (farm, now) = (self.leader.farm(), outside.time());
        let text = page::render(farm, &ViewKey::Pools, now).unwrap().unwrap();
        if outside.pools_epoch.is_none_or(|of| of <= self.epoch) {
            outside.pools_epoch = Some(self.epoch);
            outside.pools = serde_json::from_str(&text).ok();
        }
        self.leader.written(vec![ViewKey::Pools]);
    }
}

/// Another coordinator leads.
struct Fenced;

fn acknowledge(delivery: Held, outside: &mut Outside) {
    let lost = outside.storm && outside.rng.chance(50);
    let queues = &mut outside.queues;
    match delivery {
        _ if lost => {}
        Held::Activity(handle) => queues.activity.ack(handle),
        Held::Command(handle) => queues.commands.ack(handle),
        Held::Progress(handle) => queues.progress.ack(handle),
    }
}
