//! What the lock protects.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::messages::{Body, Messages};
use super::settings;
use crate::clock::Moment;
use crate::filter::Filter;
use crate::lease::{Arrival, ConsumerId, Flow, Leases, Seq};
use crate::names::{SubscriptionName, TopicName};
use crate::proto;
use crate::refusal::Refusal;
use crate::stats::{Stats, SubscriptionStats};
use crate::store::catalog::{Catalog, SubscriptionId};
use crate::store::{Recovered, RecoveredMessage};

/// All unary pulls of a subscription together.
pub(super) const PULLS: ConsumerId = ConsumerId(0);

#[derive(Debug)]
pub(super) struct State {
    pub catalog: Arc<Catalog>,
    /// The subscriptions of each topic.
    routes: HashMap<TopicName, Vec<SubscriptionId>>,
    pub subscriptions: HashMap<SubscriptionId, Subscription>,
    pub messages: Messages,
    pub next_seq: u64,
    next_consumer: u64,
    first_token: u64,
    /// When the ticker looks again.
    pub wake_at: Option<Moment>,
    /// Messages of the log's front are being written again.
    pub compacting: bool,
}

/// A subscription at work.
#[derive(Debug)]
pub(super) struct Subscription {
    pub name: SubscriptionName,
    pub config: proto::Subscription,
    filter: Option<Filter>,
    pub leases: Leases,
    /// Something may have become ready.
    pub arrivals: Arc<Notify>,
    /// Cancelled when its consumers must go: deleted, or changed between pull and push.
    pub end: CancellationToken,
    pub dead_lettered: u64,
}

impl State {
    pub fn new(memory_bytes: u64, first_token: u64) -> Self {
        Self {
            catalog: Arc::default(),
            routes: HashMap::new(),
            subscriptions: HashMap::new(),
            messages: Messages::new(memory_bytes),
            next_seq: 1,
            next_consumer: PULLS.0 + 1,
            first_token,
            wake_at: None,
            compacting: false,
        }
    }

    /// Makes the subscriptions what the catalog says.
    pub fn adopt(&mut self, catalog: Arc<Catalog>) {
        self.routes.clear();
        let mut before = std::mem::take(&mut self.subscriptions);
        for (name, (id, config)) in &catalog.subscriptions {
            let subscription = match before.remove(id) {
                Some(mut subscription) => {
                    subscription.change(config);
                    subscription
                }
                None => Subscription::new(name, config, self.first_token),
            };
            self.subscriptions.insert(*id, subscription);
            if let Ok(topic) = TopicName::parse(&config.topic) {
                self.routes.entry(topic).or_default().push(*id);
            }
        }
        for (id, subscription) in before {
            subscription.end.cancel();
            for seq in subscription.leases.seqs() {
                self.messages.release(seq, id);
            }
        }
        self.catalog = catalog;
    }

    /// Takes up what an earlier run has left.
    pub fn recover(&mut self, recovered: Recovered) {
        self.next_seq = recovered.next_seq;
        self.messages.written_to(recovered.active);
        for (seq, message) in recovered.messages {
            self.recover_message(Seq(seq), message);
        }
    }

    fn recover_message(&mut self, seq: Seq, recovered: RecoveredMessage) {
        let RecoveredMessage {
            targets,
            message,
            size,
            resident,
            place,
        } = recovered;
        for (target, failures) in &targets {
            if let Some(subscription) = self.subscriptions.get_mut(&SubscriptionId(*target)) {
                subscription.admit(seq, &message, size, *failures);
            }
        }
        let targets = targets.into_keys().map(SubscriptionId).collect();
        let body = if resident {
            Body::Resident(Arc::new(message))
        } else {
            Body::OnDisk(place.clone())
        };
        self.messages
            .insert_body(seq, body, size, targets, Some(place));
    }

    /// The subscriptions of a topic that want a message with these attributes.
    pub fn targets(
        &self,
        topic: &TopicName,
        attributes: &HashMap<String, String>,
    ) -> Vec<SubscriptionId> {
        let of_topic = self.routes.get(topic).map_or(&[][..], Vec::as_slice);
        let wanted = |id: &&SubscriptionId| {
            self.subscriptions.get(id).is_some_and(|subscription| {
                let filter = subscription.filter.as_ref();
                filter.is_none_or(|filter| filter.matches(attributes))
            })
        };
        of_topic.iter().filter(wanted).copied().collect()
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

    /// When something is next due in any subscription.
    pub fn next_due(&self) -> Option<Moment> {
        self.subscriptions
            .values()
            .filter_map(|subscription| subscription.leases.next_due())
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

impl Subscription {
    fn new(name: &SubscriptionName, config: &proto::Subscription, first_token: u64) -> Self {
        let mut leases = Leases::new(settings::policy(config), first_token);
        let pulls = Flow {
            max_messages: usize::MAX,
            max_bytes: u64::MAX,
            lease: settings::ack_deadline(config),
            one_a_key: false,
        };
        leases.open(PULLS, pulls);
        Self {
            name: name.clone(),
            config: config.clone(),
            // It was parsed before it came into the catalog.
            filter: Filter::parse(&config.filter).unwrap_or(None),
            leases,
            arrivals: Arc::new(Notify::new()),
            end: CancellationToken::new(),
            dead_lettered: 0,
        }
    }

    fn change(&mut self, config: &proto::Subscription) {
        if settings::push_endpoint(&self.config) != settings::push_endpoint(config) {
            self.end.cancel();
            self.end = CancellationToken::new();
        }
        self.leases.set_policy(settings::policy(config));
        self.leases.set_lease(PULLS, settings::ack_deadline(config));
        self.config = config.clone();
    }

    /// A message enters.
    pub fn admit(&mut self, seq: Seq, message: &proto::PubsubMessage, size: u64, failures: u32) {
        let key = Some(message.ordering_key.as_str()).filter(|key| !key.is_empty());
        let born = message.publish_time.as_ref().map(Moment::from_proto);
        self.leases.insert(Arrival {
            seq,
            key: key.map(Arc::from),
            size,
            born: born.unwrap_or_default(),
            failures,
        });
        self.arrivals.notify_waiters();
    }

    /// The lease length of a consumer that asked for none of its own.
    pub fn ack_deadline(&self) -> Duration {
        settings::ack_deadline(&self.config)
    }

    fn stats(&self, now: Moment) -> SubscriptionStats {
        SubscriptionStats {
            name: self.name.as_str().to_owned(),
            topic: self.config.topic.clone(),
            backlog: self.leases.len(),
            leased: self.leases.leased(),
            bytes: self.leases.bytes(),
            oldest_unacked: self.leases.oldest().map(|born| now.since(born)),
            dead_lettered: self.dead_lettered,
        }
    }
}
