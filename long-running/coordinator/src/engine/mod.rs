//! The leader: facts in, one transaction a round, and only then acknowledgements, announcements and pages.

mod commit;
mod history;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use farm_bucket::Bucket;
use farm_bus::Delivery;
use farm_core::{Effects, Fact, Farm, Policy, Saved, ViewKey, page};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::{Event, Topic};
use farm_runtime::Clock;
use farm_store::{Batch, Committed, Epoch, Loaded, OutboxEntry, Store};

use crate::outbox::Outbox;
use crate::status::Status;
use crate::views::Views;

/// Inputs taken into one transaction.
const ROUND: usize = 256;
/// Events handed to the outbox at once.
const OUTBOX_ROUND: usize = 100;
/// What the end may take.
const FINISH: Duration = Duration::from_secs(3);
/// Heartbeats that wait for a decision; of older ones newer ones say the same.
const QUIET: usize = 256;
/// How often time itself is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often the front page is written though nothing changed, so that it can tell its age.
const FRONT_PAGE: Duration = Duration::from_secs(5);

/// Facts that belong together, and the deliveries to acknowledge once they are durable.
#[derive(Default)]
pub(crate) struct Input {
    pub(crate) facts: Vec<Fact>,
    pub(crate) deliveries: Vec<Delivery>,
    /// Every source has been read once.
    pub(crate) observed_all: bool,
}

/// What the leader works with.
pub(crate) struct Parts {
    pub(crate) store: Box<dyn Store>,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
    pub(crate) views: Views,
    pub(crate) config: watch::Sender<Option<FarmConfig>>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) bucket: Bucket,
    /// The same store once more, for reading history.
    pub(crate) history: Box<dyn Store>,
}

/// The leader.
pub(crate) struct Engine {
    farm: Farm,
    epoch: Epoch,
    store: Option<Box<dyn Store>>,
    clock: Clock,
    inputs: mpsc::Receiver<Input>,
    outbox: Outbox,
    /// Durable and not known to be told, in order.
    untold: VecDeque<(Topic, Event)>,
    telling: bool,
    views: Views,
    /// Known to be done, to be struck out in the next transaction.
    told: Vec<String>,
    written: Vec<ViewKey>,
    config: watch::Sender<Option<FarmConfig>>,
    status: watch::Sender<Status>,
    counts: Status,
    history: history::Exporter,
    /// Heartbeats since the last decision that changed nothing: logged with the next one that does.
    quiet: VecDeque<serde_json::Value>,
}

impl Engine {
    /// Takes the leadership and restores the farm.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn start(parts: Parts, inputs: mpsc::Receiver<Input>) -> anyhow::Result<Self> {
        let Parts {
            mut store,
            policy,
            clock,
            outbox,
            mut views,
            config,
            status,
            bucket,
            history,
        } = parts;
        let (store, loaded) = tokio::task::spawn_blocking(move || {
            let loaded = store.load();
            (store, loaded)
        })
        .await?;
        let loaded = loaded.context("cannot load the farm's state")?;
        let Loaded {
            epoch,
            branches,
            builds,
            runs,
            inbox,
            outbox: untold,
            dirty,
            config: saved,
            feed,
            owned,
        } = loaded;
        let saved_config = saved
            .and_then(|record| Some((record.digest, serde_json::from_str(&record.text).ok()?)));
        let now = clock.now();
        let counts = (builds.len(), untold.len());
        let farm = Farm::restore(
            policy,
            Saved {
                config: saved_config,
                branches,
                builds,
                runs,
                inbox,
                feed,
                owned,
                kept: Vec::new(),
            },
            now,
        );
        tracing::info!(
            builds = counts.0,
            untold = counts.1,
            open = farm.open().len(),
            "leading"
        );
        views.mark(
            dirty
                .iter()
                .filter_map(|text| serde_json::from_str(text).ok()),
        );
        views.mark([ViewKey::Farm, ViewKey::Feed]);
        let mut engine = Self {
            farm,
            epoch,
            store: Some(store),
            clock,
            inputs,
            outbox,
            untold: untold
                .into_iter()
                .map(|entry| (entry.topic, entry.event))
                .collect(),
            telling: false,
            views,
            told: Vec::new(),
            written: Vec::new(),
            config,
            status,
            counts: Status::default(),
            history: history::Exporter::start(history, bucket),
            quiet: VecDeque::new(),
        };
        engine.publish_config();
        Ok(engine)
    }

    /// Leads until `shutdown`, or until another leader takes over.
    ///
    /// # Errors
    /// The store failed, or this leader was fenced off.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut front_page = tokio::time::interval(FRONT_PAGE);
        loop {
            self.hand_on();
            let wake = self.next_wake();
            let mut round = Vec::new();
            tokio::select! {
                () = shutdown.cancelled() => return self.finish().await,
                count = self.inputs.recv_many(&mut round, ROUND) => if count == 0 { return Ok(()) },
                Some(ids) = self.outbox.done.recv() => { self.telling = false; self.told.extend(ids); }
                keys = self.views.written() => self.written.extend(keys),
                _ = front_page.tick() => self.views.mark([ViewKey::Farm]),
                _ = tick.tick() => round.push(Input { facts: vec![Fact::Tick], ..Input::default() }),
                () = tokio::time::sleep(wake) => {}
            }
            self.round(round).await?;
        }
    }

    /// Applies a round of inputs and makes its effects durable; then acknowledges.
    async fn round(&mut self, round: Vec<Input>) -> anyhow::Result<()> {
        self.settle(round, true).await
    }

    /// With or without leasing what waits.
    async fn settle(&mut self, round: Vec<Input>, choose: bool) -> anyhow::Result<()> {
        let now = self.clock.now();
        let mut effects = Effects::default();
        let (mut inputs, mut telling) = (Vec::new(), false);
        let mut deliveries = Vec::new();
        let digest = self.farm.digest().to_owned();
        for input in round {
            for fact in input.facts {
                telling |= !matches!(fact, Fact::Tick | Fact::Heartbeat(_));
                if fact != Fact::Tick {
                    inputs.push(serde_json::to_value(&fact)?);
                }
                self.farm.apply(fact, now, &mut effects);
            }
            deliveries.extend(input.deliveries);
            self.counts.observed |= input.observed_all;
        }
        if choose {
            self.farm.choose(now, &mut effects);
        }
        let inputs = self.logged(inputs, telling || !effects.is_empty());
        let configured = digest != self.farm.digest();
        let batch = commit::batch(self, effects, inputs, configured, now)?;
        if !batch.is_empty() {
            self.commit(batch, now).await?;
        }
        for delivery in deliveries {
            delivery.ack();
        }
        if configured {
            self.publish_config();
        }
        self.tell_status();
        Ok(())
    }

    async fn commit(&mut self, batch: Batch, now: Timestamp) -> anyhow::Result<()> {
        let Some(mut store) = self.store.take() else {
            anyhow::bail!("the store is gone")
        };
        let epoch = self.epoch;
        let (store, batch, answer) = tokio::task::spawn_blocking(move || {
            let answer = store.commit(epoch, &batch);
            (store, batch, answer)
        })
        .await?;
        self.store = Some(store);
        match answer.context("cannot commit the farm's state")? {
            Committed::Yes => {}
            Committed::Fenced => {
                anyhow::bail!("another coordinator has taken over; this one stops")
            }
        }
        self.told.clear();
        self.written.clear();
        self.untold.extend(
            batch
                .outbox_add
                .into_iter()
                .map(|entry| (entry.topic, entry.event)),
        );
        self.views.mark(
            batch
                .dirty_add
                .iter()
                .filter_map(|text| serde_json::from_str(text).ok()),
        );
        if !batch.history.is_empty() {
            self.history.mark(now);
        }
        Ok(())
    }

    /// Gives durable things to those who tell them: the outbox, the pages, history.
    fn hand_on(&mut self) {
        if !self.telling && !self.untold.is_empty() {
            let count = self.untold.len().min(OUTBOX_ROUND);
            let batch: Vec<_> = self.untold.iter().take(count).cloned().collect();
            if self.outbox.batches.try_send(batch).is_ok() {
                self.untold.drain(..count);
                self.telling = true;
            }
        }
        let now = self.clock.now();
        let due = self.views.due();
        let documents = due.into_iter().map(|key| {
            let text = page::render(&self.farm, &key, now).unwrap_or_default();
            (key, text)
        });
        let documents = documents.collect();
        self.views.write(documents);
    }

    /// How long nothing need happen unless something arrives.
    fn next_wake(&self) -> Duration {
        let pages = self
            .views
            .next_due()
            .map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let pauses = self.farm.next_wake().map(|at| {
            let wait = at.duration_since(self.clock.now());
            Duration::try_from(wait).unwrap_or(Duration::ZERO)
        });
        pages
            .into_iter()
            .chain(pauses)
            .min()
            .unwrap_or(TICK)
            .clamp(Duration::from_millis(1), TICK)
    }

    /// What is durable and fits into a moment is still told; the rest is told by the next leader.
    async fn finish(mut self) -> anyhow::Result<()> {
        self.history.close().await;
        let deadline = tokio::time::sleep(FINISH);
        tokio::pin!(deadline);
        while self.telling || !self.untold.is_empty() || self.views.is_behind() {
            self.views.hurry();
            self.hand_on();
            let wake = self.next_wake();
            tokio::select! {
                () = &mut deadline => break,
                Some(ids) = self.outbox.done.recv() => { self.telling = false; self.told.extend(ids); }
                keys = self.views.written() => self.written.extend(keys),
                () = tokio::time::sleep(wake) => {}
            }
        }
        // Nobody would be told of what was leased now.
        self.settle(Vec::new(), false).await
    }

    /// What goes into the decision log: a heartbeat that changed nothing waits for a decision that it took part in.
    fn logged(&mut self, inputs: Vec<serde_json::Value>, decided: bool) -> Vec<serde_json::Value> {
        self.quiet.extend(inputs);
        if decided {
            return self.quiet.drain(..).collect();
        }
        let excess = self.quiet.len().saturating_sub(QUIET);
        self.quiet.drain(..excess);
        Vec::new()
    }

    fn publish_config(&mut self) {
        let builders = self.farm.config().builders.values();
        self.counts.hosts = builders.map(|builder| builder.host.clone()).collect();
        if !self.farm.digest().is_empty() {
            self.config.send_replace(Some(self.farm.config().clone()));
        }
    }

    fn tell_status(&mut self) {
        self.counts.open = self.farm.open().len();
        self.counts.running = self.farm.leased();
        self.counts.machines = self.farm.machines().count();
        self.counts.troubles = self.farm.troubles().collect();
        let counts = self.counts.clone();
        self.status.send_if_modified(|status| {
            let changed = *status != counts;
            *status = counts;
            changed
        });
    }
}

/// An event of the outbox as the store keeps it.
fn entry((topic, event): (Topic, Event)) -> OutboxEntry {
    OutboxEntry { topic, event }
}
