//! The shell around the leader: channels, clock and commits. Facts in, one transaction a round, and only then
//! acknowledgements, announcements and pages.

mod batch;
mod below;
mod checkpoint;
mod heal;
mod history;
mod keeper;
mod leader;
mod log;
mod mind;
mod player;
mod recall;
mod replay;
mod shelf;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use farm_bucket::Bucket;
use farm_bus::Delivery;
use farm_core::{Fact, Farm, Policy, ViewKey, page};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::{Event, Topic};
use farm_model::id::HostType;
use farm_runtime::{Clock, trace};
use farm_store::{Batch, Committed, Epoch, Keep, Loaded, Store};

use crate::leadership::{Fenced, Leadership};
use crate::metrics;
use crate::outbox::Outbox;
use crate::status::{Board, Status, Told};
use crate::views::{Views, Written};

pub use checkpoint::{Checkpoint, Place};
pub use leader::{Counts, Leader, Round, Tellable};
pub use player::{Difference, PlayError, Played, Player};
pub use recall::{recalled, unknown_to};
pub use replay::{Replayed, Span, replay};

/// Inputs taken into one transaction.
const ROUND: usize = 256;
/// Events handed to the outbox at once.
const OUTBOX_ROUND: usize = 100;
/// What the end may take.
const FINISH: Duration = Duration::from_secs(3);
/// How often time itself is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often the front page is written though nothing changed, so that it can tell its age.
const FRONT_PAGE: Duration = Duration::from_secs(5);

/// The least time between two looks at everything for the board.
const PUT_UP: Duration = Duration::from_millis(900);

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
    pub(crate) loaded: Loaded,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
    pub(crate) views: Views,
    pub(crate) config: watch::Sender<Option<FarmConfig>>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) bucket: Bucket,
    /// The same store once more, for reading history.
    pub(crate) history: Box<dyn Store>,
    /// And once more, for reading what documents show of long ago.
    pub(crate) shelf: Box<dyn Store>,
    /// And once more, for looking which documents there should be.
    pub(crate) healer: Box<dyn Store>,
    /// Asked before history is written.
    pub(crate) leadership: Leadership,
    /// Where it is put up how this goes.
    pub(crate) board: Board,
    pub(crate) metrics: metrics::Counts,
    /// Where the board is shown, if it is.
    pub(crate) page: Option<SocketAddr>,
}

/// The shell of one leader.
pub(crate) struct Engine {
    leader: Leader,
    epoch: Epoch,
    store: Option<Box<dyn Store>>,
    clock: Clock,
    inputs: mpsc::Receiver<Input>,
    outbox: Outbox,
    /// Durable and not known to be told, in order.
    untold: VecDeque<(Topic, Event)>,
    telling: bool,
    views: Views,
    shelf: shelf::Shelf,
    below: below::Below,
    healer: heal::Healer,
    config: watch::Sender<Option<FarmConfig>>,
    status: watch::Sender<Status>,
    counts: Status,
    history: history::Exporter,
    keeper: keeper::Keeper,
    board: Board,
    metrics: metrics::Counts,
    /// When the board was last brought up to date.
    put_up: Option<Instant>,
}

impl Engine {
    /// Restores the farm.
    pub(crate) fn start(parts: Parts, inputs: mpsc::Receiver<Input>) -> Self {
        let (store, loaded) = (parts.store, parts.loaded);
        let epoch = loaded.epoch;
        let builds = loaded.builds.len();
        let now = parts.clock.now();
        let keeper = keeper::Keeper::start(parts.bucket.clone(), parts.policy.checkpoints_kept);
        let (leader, untold) = Leader::restore(loaded, parts.policy, now);
        keeper.keep(leader.first_checkpoint(now));
        tracing::info!(
            builds,
            untold = untold.outbox.len(),
            open = leader.farm().open().len(),
            "leading"
        );
        let mut engine = Self {
            leader,
            epoch,
            store: Some(store),
            clock: parts.clock,
            inputs,
            outbox: parts.outbox,
            untold: VecDeque::new(),
            telling: false,
            views: parts.views,
            config: parts.config,
            status: parts.status,
            counts: Status {
                leading: true,
                page: parts.page,
                ..Status::default()
            },
            shelf: shelf::Shelf::start(parts.shelf),
            below: below::Below::default(),
            healer: heal::Healer::start(parts.healer, parts.bucket.clone()),
            history: history::Exporter::start(parts.history, parts.bucket, parts.leadership),
            keeper,
            board: parts.board,
            metrics: parts.metrics,
            put_up: None,
        };
        engine.board.leads(epoch);
        engine.may_tell(untold);
        engine
            .views
            .mark([ViewKey::Farm, ViewKey::Feed, ViewKey::Status]);
        engine.publish_config();
        // No document may say less than what is known already.
        engine.put_up();
        engine
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
                Some(ids) = self.outbox.done.recv() => self.all_told(ids),
                written = self.views.written() => self.pages_written(written),
                () = self.shelf.read() => {}
                lost = self.healer.missing() => self.views.mark(lost),
                _ = front_page.tick() => self.views.mark([ViewKey::Farm, ViewKey::Status]),
                _ = tick.tick() => {
                    self.healer.go_on(self.leader.farm());
                    round.push(Input { facts: vec![Fact::Tick], ..Input::default() });
                }
                () = tokio::time::sleep(wake) => {}
            }
            self.round(round).await?;
        }
    }

    /// Applies a round of inputs and makes its effects durable; then acknowledges.
    async fn round(&mut self, round: Vec<Input>) -> anyhow::Result<()> {
        let (mut facts, mut deliveries) = (Vec::new(), Vec::new());
        for input in round {
            facts.extend(input.facts);
            deliveries.extend(input.deliveries);
            self.counts.observed |= input.observed_all;
        }
        facts.iter().for_each(|fact| self.metrics.fact(fact));
        // They last until what follows is durable.
        let _spans: Vec<tracing::Span> = facts.iter().filter_map(decision).collect();
        for facts in recall::apart(facts) {
            let facts = self.recall(facts).await?;
            let now = self.clock.now();
            let began = Instant::now();
            let round = self.leader.take(facts, now)?;
            self.metrics.decided(began.elapsed());
            self.settle(round, now).await?;
        }
        for delivery in deliveries {
            delivery.ack();
        }
        self.tell_status();
        Ok(())
    }

    /// Makes a round durable, and tells what may be told of it then.
    async fn settle(&mut self, round: Round, now: Timestamp) -> anyhow::Result<()> {
        if !round.batch.is_empty() {
            let began = Instant::now();
            let batch = self.commit(round.batch).await?;
            self.metrics.committed(began.elapsed(), &batch, now);
            self.board.committed(began.elapsed());
            self.history.add(&batch.history);
            if self.history.wants_checkpoint(&batch.history, now) {
                let checkpoint = page::at::Checkpoint::of(self.leader.farm(), now);
                self.history.keep(checkpoint);
            }
            let tellable = self.leader.committed(batch);
            round
                .checkpoint
                .into_iter()
                .for_each(|of| self.keeper.keep(of));
            if let Some(oldest) = self.keeper.oldest() {
                self.leader.forget_decisions_before(oldest);
            }
            self.may_tell(tellable);
        }
        if round.configured {
            self.publish_config();
        }
        Ok(())
    }

    /// Gives the batch back once it is durable.
    async fn commit(&mut self, batch: Batch) -> anyhow::Result<Batch> {
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
            Committed::Yes => Ok(batch),
            Committed::Fenced => Err(Fenced.into()),
        }
    }

    /// Durable things wait for those who tell them.
    fn may_tell(&mut self, tellable: Tellable) {
        self.untold.extend(tellable.outbox);
        self.views.mark(tellable.dirty);
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
        self.write_pages();
    }

    /// Renders the documents that are due, and has the store read for those of which it knows more.
    fn write_pages(&mut self) {
        if self.views.is_writing() {
            return;
        }
        let farm = self.leader.farm();
        let due = self.shelf.sort(farm, self.views.due());
        let known = due.into_iter().map(|key| (key, page::Stored::default()));
        let read = self
            .shelf
            .take()
            .into_iter()
            .filter_map(|(key, stored)| match key {
                ViewKey::Below { .. } => {
                    self.below.begin(key, stored.below);
                    None
                }
                key => Some((key, stored)),
            });
        let all: Vec<_> = known.chain(read).collect();
        let mut renderer = page::Renderer::new(farm, self.clock.now());
        let documents = all.into_iter().map(|(key, stored)| {
            let text = match &key {
                ViewKey::Status => serde_json::to_string(&self.board.view()).ok(),
                other => renderer.render_with(other, &stored).unwrap_or_default(),
            };
            (key, text)
        });
        let documents = documents.collect();
        self.views.write(documents);
        self.views.mark(self.below.portion());
        self.leader.written(self.below.done().into_iter().collect());
        self.shelf.go_on(self.leader.farm(), self.below.is_free());
    }

    /// How long nothing need happen unless something arrives.
    fn next_wake(&self) -> Duration {
        let pages = self
            .views
            .next_due()
            .map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let pauses = self.leader.farm().next_wake().map(|at| {
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
        self.keeper.close().await;
        let deadline = tokio::time::sleep(FINISH);
        tokio::pin!(deadline);
        // What the store has to be read for is left to the next leader.
        while self.telling || !self.untold.is_empty() || self.views.is_behind() {
            self.views.hurry();
            self.hand_on();
            let wake = self.next_wake();
            tokio::select! {
                () = &mut deadline => break,
                Some(ids) = self.outbox.done.recv() => self.all_told(ids),
                written = self.views.written() => self.pages_written(written),
                () = self.shelf.read() => {}
                () = tokio::time::sleep(wake) => {}
            }
        }
        // Nobody would be told of what was leased now.
        let now = self.clock.now();
        let round = self.leader.close(now)?;
        self.settle(round, now).await
    }

    fn all_told(&mut self, ids: Vec<String>) {
        self.telling = false;
        self.leader.told(ids);
    }

    fn pages_written(&mut self, mut written: Written) {
        written.keys.retain(|key| !self.shelf.has(key));
        self.below.written(&written.keys);
        self.leader.written(written.keys);
        self.leader.versions(written.versions);
    }

    fn publish_config(&mut self) {
        let farm = self.leader.farm();
        let builders = farm.config().builders.values();
        self.counts.hosts = builders.map(|builder| builder.host.clone()).collect();
        if !farm.digest().is_empty() {
            self.config.send_replace(Some(farm.config().clone()));
        }
    }

    /// Brings the board up to date, about once a second: it costs what counting all machines costs.
    fn put_up(&mut self) {
        if self.put_up.is_some_and(|at| at.elapsed() < PUT_UP) {
            return;
        }
        self.put_up = Some(Instant::now());
        let counts = self.leader.counts();
        self.board.put_up(Told {
            farm: page::status(self.leader.farm(), self.clock.now()),
            outbox: self.untold.len(),
            outbox_oldest: self.untold.front().map(|(_, event)| event.time),
            dirty_views: self.views.behind() + self.shelf.behind(),
            decided: counts.decided,
            ignored: counts.ignored,
        });
    }

    fn tell_status(&mut self) {
        self.put_up();
        let farm = self.leader.farm();
        let Counts { decided, ignored } = self.leader.counts();
        let counts = Status {
            open: farm.open().len(),
            running: farm.leased(),
            machines: farm.machines().len(),
            waiting: waiting(farm),
            decided,
            ignored,
            troubles: farm.troubles().collect(),
            ..self.counts.clone()
        };
        self.status.send_if_modified(|status| {
            let changed = *status != counts;
            *status = counts;
            changed
        });
    }
}

/// Jobs for which there is no machine.
fn waiting(farm: &Farm) -> BTreeMap<HostType, usize> {
    let lengths = farm.queue().lengths();
    let ready = lengths.map(|(host, (ready, _))| (host.clone(), ready));
    ready.filter(|(_, ready)| *ready > 0).collect()
}

/// Reads what the leader of `epoch` goes on from.
///
/// # Errors
/// The state fails.
pub(crate) async fn load(
    mut store: Box<dyn Store>,
    epoch: Epoch,
    since: Timestamp,
) -> anyhow::Result<(Box<dyn Store>, Loaded)> {
    let keep = Keep::FinishedSince(since);
    let (store, loaded) = tokio::task::spawn_blocking(move || {
        let loaded = store.read(epoch, keep);
        (store, loaded)
    })
    .await?;
    Ok((store, loaded.context("cannot load the farm's state")?))
}

/// The decision on a fact that is part of a trace.
fn decision(fact: &Fact) -> Option<tracing::Span> {
    let Fact::Observed(observation) = fact else {
        return None;
    };
    let span = tracing::info_span!(target: trace::TARGET, "decide", repository = %observation.repo);
    Some(trace::under(span, Some(observation.trace.as_ref()?)))
}
