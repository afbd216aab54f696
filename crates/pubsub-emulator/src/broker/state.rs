//! What the lock protects.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::messages::Messages;
use super::settings;
use super::shelf::Shelf;
use super::subscription::Subscription;
use crate::clock::Moment;
use crate::lease::{Arrival, ConsumerId, Hold};
use crate::names::{SubscriptionName, TopicName};
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::{Seq, SeqSet};
use crate::stats::Stats;
use crate::store::catalog::{Catalog, HolderId, SnapshotRecord, SubscriptionId};
use crate::store::{Held, Recovered};

/// All unary pulls of a subscription together.
pub(super) const PULLS: ConsumerId = ConsumerId(0);

#[derive(Debug)]
pub(super) struct State {
    pub catalog: Arc<Catalog>,
    /// Who gets the messages of each topic.
    routes: HashMap<TopicName, Vec<HolderId>>,
    pub subscriptions: HashMap<SubscriptionId, Subscription>,
    pub shelves: HashMap<HolderId, Shelf>,
    pub messages: Messages,
    /// Subscriptions whose new messages are not announced.
    news: Vec<SubscriptionId>,
    pub next_seq: u64,
    next_consumer: u64,
    first_token: u64,
    /// When the ticker looks again.
    pub wake_at: Option<Moment>,
    /// The shortest time after which a message may have to go.
    pub shortest_retention: Duration,
    /// Messages of the log's front are being written again.
    pub compacting: bool,
}

/// Messages that a holder has let go because its settings have changed.
pub(super) type Dropped = Vec<(HolderId, SeqSet)>;

impl State {
    pub fn new(memory_bytes: u64, first_token: u64) -> Self {
        Self {
            catalog: Arc::default(),
            routes: HashMap::new(),
            subscriptions: HashMap::new(),
            shelves: HashMap::new(),
            messages: Messages::new(memory_bytes),
            news: Vec::new(),
            next_seq: 1,
            next_consumer: PULLS.0 + 1,
            first_token,
            wake_at: None,
            shortest_retention: Duration::MAX,
            compacting: false,
        }
    }

    /// Makes the subscriptions and shelves what the catalog says. Returns what those that stay do
    /// not keep any more.
    pub fn adopt(&mut self, catalog: Arc<Catalog>, now: Moment) -> Dropped {
        let dropped = self.adopt_subscriptions(&catalog, now);
        self.adopt_shelves(&catalog);
        self.catalog = catalog;
        self.route();
        dropped
    }

    fn adopt_subscriptions(&mut self, catalog: &Catalog, now: Moment) -> Dropped {
        let mut dropped = Dropped::new();
        let mut before = std::mem::take(&mut self.subscriptions);
        self.shortest_retention = Duration::MAX;
        for (name, (id, config)) in &catalog.subscriptions {
            let of_topic = retention_of(catalog, &config.topic);
            let subscription = match before.remove(id) {
                Some(mut subscription) => {
                    let seqs = subscription.change(config, of_topic, now);
                    dropped.push(((*id).into(), seqs.into_iter().collect()));
                    subscription
                }
                None => Subscription::new(name, config, of_topic, self.first_token, now),
            };
            let retention = settings::policy(config, of_topic).retention;
            self.shortest_retention = self.shortest_retention.min(retention);
            self.subscriptions.insert(*id, subscription);
        }
        for subscription in before.into_values() {
            subscription.end.cancel();
            for seq in subscription.leases.seqs() {
                self.messages.release(seq);
            }
        }
        dropped
    }

    fn adopt_shelves(&mut self, catalog: &Catalog) {
        let topics = catalog.retaining.iter().filter_map(|(name, id)| {
            let config = catalog.topics.get(name)?;
            let retention = settings::topic_retention(config)?;
            self.shortest_retention = self.shortest_retention.min(retention);
            Some((*id, Shelf::of_topic(name, config)))
        });
        let snapshots = catalog.snapshots.values();
        let snapshots = snapshots.map(|record| (record.id, Shelf::of_snapshot(record)));
        let wanted: Vec<_> = topics.chain(snapshots).collect();
        let mut before = std::mem::take(&mut self.shelves);
        for (id, shelf) in wanted {
            let shelf = match before.remove(&id) {
                Some(mut old) => {
                    old.change(shelf);
                    old
                }
                None => shelf,
            };
            self.shelves.insert(id, shelf);
        }
        for shelf in before.into_values() {
            for seq in shelf.kept.seqs() {
                self.messages.release(seq);
            }
        }
    }

    /// Says anew who gets the messages of each topic.
    fn route(&mut self) {
        self.routes.clear();
        for (id, subscription) in &self.subscriptions {
            let attached = !subscription.config.detached;
            if let Ok(topic) = TopicName::parse(&subscription.config.topic)
                && attached
            {
                self.routes.entry(topic).or_default().push((*id).into());
            }
        }
        for (id, shelf) in &self.shelves {
            if let Some(topic) = &shelf.topic {
                self.routes.entry(topic.clone()).or_default().push(*id);
            }
        }
    }

    /// A snapshot begins to keep what comes, before the catalog has it.
    pub fn open_shelf(&mut self, record: &SnapshotRecord) {
        self.shelves.insert(record.id, Shelf::of_snapshot(record));
        self.route();
    }

    /// Undoes [`State::open_shelf`].
    pub fn close_shelf(&mut self, id: HolderId) {
        if let Some(shelf) = self.shelves.remove(&id) {
            for seq in shelf.kept.seqs() {
                self.messages.release(seq);
            }
            self.route();
        }
    }

    /// Takes up what an earlier run has left.
    pub fn recover(&mut self, recovered: Recovered) {
        self.next_seq = recovered.next_seq;
        self.messages.written_to(recovered.active);
        for (id, held) in &recovered.holders {
            self.recover_holder(*id, held, &recovered);
        }
        for (seq, message) in recovered.messages.into_iter_owned() {
            self.messages.recover(seq, message);
        }
    }

    fn recover_holder(&mut self, id: HolderId, held: &Held, recovered: &Recovered) {
        for seq in held.seqs().iter() {
            let (Some(message), Some(hold)) = (recovered.messages.get(seq), held.hold(seq)) else {
                continue;
            };
            let arrival = Arrival {
                seq,
                key: message.key.as_deref(),
                size: message.size,
                born: message.born,
            };
            if let Some(subscription) = self.subscriptions.get_mut(&SubscriptionId(id.0)) {
                subscription.leases.insert(&arrival, hold);
            } else if let Some(shelf) = self.shelves.get_mut(&id) {
                shelf.kept.insert(seq, message.born);
            }
        }
    }

    /// Those who get a message of a topic.
    pub fn targets(&self, topic: &TopicName, message: &PubsubMessage) -> Vec<HolderId> {
        let of_topic = self.routes.get(topic).map_or(&[][..], Vec::as_slice);
        let wanted = |id: &&HolderId| {
            if let Some(subscription) = self.subscriptions.get(&SubscriptionId(id.0)) {
                return subscription.wants(message);
            }
            let shelf = self.shelves.get(*id);
            shelf.is_some_and(|shelf| shelf.wants(message))
        };
        of_topic.iter().filter(wanted).copied().collect()
    }

    /// Gives a written message to one that wanted it, if it still exists.
    pub fn admit(
        &mut self,
        id: HolderId,
        seq: Seq,
        ordering_key: &str,
        size: u32,
        born: Moment,
    ) -> bool {
        if let Some(subscription) = self.subscriptions.get_mut(&SubscriptionId(id.0)) {
            if subscription.admit(seq, ordering_key, size, born) {
                self.news.push(SubscriptionId(id.0));
            }
            return true;
        }
        let shelf = self.shelves.get_mut(&id);
        shelf.map(|shelf| shelf.kept.insert(seq, born)).is_some()
    }

    /// Wakes those who wait for what was admitted: once for all messages that came together.
    pub fn announce(&mut self) {
        for id in self.news.drain(..) {
            if let Some(subscription) = self.subscriptions.get_mut(&id) {
                subscription.announce();
            }
        }
    }

    /// Those who have yet to acknowledge a message, or keep it, and those who retain it
    /// acknowledged.
    pub fn holders(&self, seq: Seq) -> (Vec<HolderId>, Vec<HolderId>) {
        let (mut open, mut acked) = (Vec::new(), Vec::new());
        for (id, subscription) in &self.subscriptions {
            match subscription.leases.hold(seq) {
                Some(Hold::Open { .. }) => open.push((*id).into()),
                Some(Hold::Acked) => acked.push((*id).into()),
                None => {}
            }
        }
        let shelves = self.shelves.iter();
        let keeping = shelves.filter(|(_, shelf)| shelf.kept.contains(seq));
        open.extend(keeping.map(|(id, _)| *id));
        (open, acked)
    }

    /// Finds a subscription by its full name.
    pub fn find(&self, name: &str) -> Result<SubscriptionId, Refusal> {
        let name = SubscriptionName::parse(name)?;
        match self.catalog.subscriptions.get(&name) {
            Some((id, _)) => Ok(*id),
            None => Err(Refusal::not_found(format!(
                "Resource not found (resource={}).",
                name.id()
            ))),
        }
    }

    pub fn get_mut(&mut self, id: SubscriptionId) -> Result<&mut Subscription, Refusal> {
        self.subscriptions
            .get_mut(&id)
            .ok_or_else(|| Refusal::not_found("the subscription was deleted"))
    }

    pub fn new_consumer(&mut self) -> ConsumerId {
        let id = ConsumerId(self.next_consumer);
        self.next_consumer += 1;
        id
    }

    /// When something is next due in any subscription or shelf.
    pub fn next_due(&self) -> Option<Moment> {
        let subscriptions = self.subscriptions.values();
        let due = subscriptions.filter_map(|subscription| subscription.leases.next_due());
        due.chain(self.shelves.values().filter_map(Shelf::next_due))
            .min()
    }

    /// When the next subscription or snapshot expires, if nothing is done about it.
    pub fn next_expiry(&self) -> Option<Moment> {
        let subscriptions = self.subscriptions.values();
        let records = self.catalog.snapshots.values();
        let snapshots = records.filter_map(SnapshotRecord::expires);
        subscriptions
            .filter_map(Subscription::expires)
            .chain(snapshots)
            .min()
    }

    pub fn stats(&self, now: Moment, disk_bytes: u64) -> Stats {
        let mut subscriptions: Vec<_> = self
            .subscriptions
            .values()
            .map(|subscription| subscription.stats(now))
            .collect();
        subscriptions.sort_by(|a, b| a.name.cmp(&b.name));
        Stats {
            topics: self.catalog.topics.len(),
            subscriptions,
            backlog_bytes: self.messages.bytes(),
            disk_bytes,
        }
    }
}

/// How long the topic of that name retains messages itself.
fn retention_of(catalog: &Catalog, topic: &str) -> Option<Duration> {
    let name = TopicName::parse(topic).ok()?;
    settings::topic_retention(catalog.topics.get(&name)?)
}
