//! Looking into an emulator that serves: for a console, and for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, Watched};
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::stats::{Stats, SubscriptionSettings, TopicStats};
use crate::text;

/// A look into an emulator. It takes nothing: no message is leased by being looked at.
#[derive(Clone, Debug)]
pub struct Inspector(Arc<Broker>);

/// Why there was nothing to see, or nothing was done: as the API would say it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InspectError(String);

impl From<Refusal> for InspectError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

/// A message as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// When it was published, RFC 3339.
    pub published: String,
    /// Its data.
    pub data: Bytes,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its ordering key, or nothing.
    pub ordering_key: String,
}

/// A message that a subscription has yet to be told is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The message.
    pub message: MessageView,
    /// How often its delivery has failed.
    pub failures: u32,
}

/// What somebody who looks on sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A message is published on a topic (full name).
    Published(Arc<str>, MessageView),
    /// So many came faster than they were looked at.
    Missed(u64),
}

/// Looks on as messages are published.
#[derive(Debug)]
pub struct Watch {
    seen: broadcast::Receiver<Watched>,
    closing: CancellationToken,
}

impl Inspector {
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self(broker)
    }

    /// Numbers.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicStats> {
        self.0.topic_stats()
    }

    /// What all subscriptions are set to, by name.
    pub fn settings(&self) -> Vec<SubscriptionSettings> {
        self.0.subscription_settings()
    }

    /// The oldest unacknowledged messages of a subscription (full name), at most `most`.
    ///
    /// # Errors
    /// There is no such subscription, or the log cannot be read.
    pub async fn waiting(
        &self,
        subscription: &str,
        most: usize,
    ) -> Result<Vec<Waiting>, InspectError> {
        let unacked = self.0.unacked(subscription, most).await?;
        let each = unacked.into_iter().map(|(message, failures)| Waiting {
            message: view(&message),
            failures,
        });
        Ok(each.collect())
    }

    /// Sends a message of a dead-letter subscription back: it is published once more, for everybody, on the topic of the
    /// subscription that it was left over from, without the attributes that made a dead letter of it and those named by
    /// `without`, and is then no dead letter any more. Killed between the two, it does both again. Returns the topic.
    ///
    /// # Errors
    /// It is not there any more, nobody knows where it came from, or it cannot be published.
    pub async fn redeliver(
        &self,
        subscription: &str,
        message: &str,
        without: &[&str],
    ) -> Result<String, InspectError> {
        Ok(self.0.redeliver(subscription, message, without).await?)
    }

    /// Everything that is published from now on.
    pub fn watch(&self) -> Watch {
        Watch {
            seen: self.0.watch(),
            closing: self.0.closing().clone(),
        }
    }
}

impl Watch {
    /// What is published next; nothing once the emulator goes down.
    pub async fn next(&mut self) -> Option<Seen> {
        let seen = tokio::select! {
            seen = self.seen.recv() => seen,
            () = self.closing.cancelled() => return None,
        };
        match seen {
            Ok((topic, message)) => Some(match message.decode() {
                Ok(message) => Seen::Published(topic.as_str().into(), view(&message)),
                // It was encoded here.
                Err(_) => Seen::Missed(1),
            }),
            Err(RecvError::Lagged(count)) => Some(Seen::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

fn view(message: &PubsubMessage) -> MessageView {
    let published = message.publish_time.as_ref().map(text::timestamp);
    let attributes = message.attributes.iter();
    MessageView {
        id: message.message_id.clone(),
        published: published.unwrap_or_default(),
        data: message.data.clone(),
        attributes: attributes.map(|(k, v)| (k.clone(), v.clone())).collect(),
        ordering_key: message.ordering_key.clone(),
    }
}
