//! Looking at what is there without taking it, and sending a dead letter back where it came from.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::messages::Body;
use super::{Broker, dead_letter, settings};
use crate::encoded::Encoded;
use crate::names::TopicName;
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::stats::{SubscriptionSettings, TopicStats};

/// Messages that a slow watcher may be behind.
pub(super) const WATCHED: usize = 256;

/// A message that is being published.
pub(crate) type Watched = (TopicName, Encoded);

/// A message that nobody has acknowledged, with how often its delivery has failed.
pub(crate) type Unacked = (PubsubMessage, u32);

impl Broker {
    /// Every message from now on, as it is given its number: an instant before it is durable.
    pub fn watch(&self) -> broadcast::Receiver<Watched> {
        self.watchers.subscribe()
    }

    pub fn topic_stats(&self) -> Vec<TopicStats> {
        let catalog = Arc::clone(&self.state.lock().catalog);
        let all = || catalog.subscriptions.iter();
        let stats = |topic: &TopicName| {
            let of_topic = all().filter(|(_, (_, config))| config.topic == topic.as_str());
            let dying = all().filter(|(_, (_, config))| {
                let policy = config.dead_letter_policy.as_ref();
                policy.is_some_and(|policy| policy.dead_letter_topic == topic.as_str())
            });
            TopicStats {
                name: topic.as_str().to_owned(),
                subscriptions: of_topic.map(|(name, _)| name.as_str().to_owned()).collect(),
                dead_letters_of: dying.map(|(name, _)| name.as_str().to_owned()).collect(),
            }
        };
        catalog.topics.keys().map(stats).collect()
    }

    pub fn subscription_settings(&self) -> Vec<SubscriptionSettings> {
        let catalog = Arc::clone(&self.state.lock().catalog);
        let all = catalog.subscriptions.iter();
        all.map(|(name, (_, config))| SubscriptionSettings {
            name: name.as_str().to_owned(),
            push_endpoint: settings::push_endpoint(config).map(str::to_owned),
            filter: config.filter.clone(),
            ack_deadline: settings::ack_deadline(config),
            ordered: config.enable_message_ordering,
            dead_letter_topic: config
                .dead_letter_policy
                .as_ref()
                .map(|policy| policy.dead_letter_topic.clone()),
        })
        .collect()
    }

    /// The oldest messages of a subscription, at most `most`; nothing is leased.
    pub async fn unacked(&self, subscription: &str, most: usize) -> Result<Vec<Unacked>, Refusal> {
        let found: Vec<(Body, u32)> = {
            let state = &mut *self.state.lock();
            let id = state.find(subscription)?;
            let leases = &state.get_mut(id)?.leases;
            let oldest = leases.unacked().take(most);
            let failed: Vec<(Seq, u32)> =
                oldest.map(|(seq, _)| (seq, leases.failures(seq))).collect();
            let bodies = failed.into_iter();
            bodies
                .filter_map(|(seq, failures)| Some((state.messages.body(seq)?, failures)))
                .collect()
        };
        let read = move || {
            let each = found.into_iter();
            each.map(|(body, failures)| Ok((body.read()?.decode()?, failures)))
                .collect::<std::io::Result<_>>()
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|error| Refusal::internal(error.to_string()))?;
        read.map_err(|error| Refusal::unavailable(format!("the log cannot be read: {error}")))
    }

    /// Publishes a message of a dead-letter subscription once more on the topic of the subscription that it was left over
    /// from, without the attributes `without` and those of dead letters; then takes it out here. Returns the topic.
    pub async fn redeliver(
        self: &Arc<Self>,
        subscription: &str,
        message: &str,
        without: &[&str],
    ) -> Result<String, Refusal> {
        let gone = || Refusal::not_found(format!("there is no message {message} any more"));
        let seq = Seq(message.parse().map_err(|_| gone())?);
        let body = {
            let state = &mut *self.state.lock();
            let id = state.find(subscription)?;
            let mut unacked = state.get_mut(id)?.leases.unacked();
            let there = unacked.any(|(there, _)| there == seq);
            drop(unacked);
            let body = state.messages.body(seq).filter(|_| there);
            body.ok_or_else(gone)?
        };
        let read = tokio::task::spawn_blocking(move || body.read()?.decode()).await;
        let read = read.map_err(|error| Refusal::internal(error.to_string()))?;
        let mut again = read.map_err(|error| Refusal::unavailable(error.to_string()))?;
        let topic = self.source(subscription, &again)?;
        // Those of its schema are set anew.
        let set_here = [dead_letter::PREFIX, "googclient_"];
        again.attributes.retain(|name, _| {
            let ours = set_here.iter().any(|prefix| name.starts_with(prefix));
            !ours && !without.contains(&&**name)
        });
        again.message_id.clear();
        self.publish(&topic, vec![again]).await?;
        let state = &mut *self.state.lock();
        let id = state.find(subscription)?;
        if state.get_mut(id)?.leases.discard(seq) {
            self.settled(state, id, vec![seq]);
        }
        Ok(topic)
    }

    /// The topic on which a dead letter was first published: of the subscription that it names, or of the one subscription
    /// whose dead letters come this way.
    fn source(&self, subscription: &str, letter: &PubsubMessage) -> Result<String, Refusal> {
        let catalog = Arc::clone(&self.state.lock().catalog);
        let all = || catalog.subscriptions.iter();
        let here = all().find(|(name, _)| name.as_str() == subscription);
        let here = here.map(|(_, (_, config))| config.topic.clone());
        let named = dead_letter::source(letter);
        let mut sources = all().filter(|(name, (_, config))| match &named {
            Some(named) => name.as_str() == named,
            None => {
                let policy = config.dead_letter_policy.as_ref();
                policy.is_some_and(|policy| Some(&policy.dead_letter_topic) == here.as_ref())
            }
        });
        match (sources.next(), sources.next()) {
            (Some((_, (_, config))), None) => Ok(config.topic.clone()),
            (None, _) => Err(Refusal::precondition(
                "nobody knows where this message came from: its subscription is gone, or it is no dead letter",
            )),
            (Some(_), Some(_)) => Err(Refusal::precondition(
                "the dead letters of several subscriptions come here, and this one does not say of which it is",
            )),
        }
    }
}
