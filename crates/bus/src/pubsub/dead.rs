//! Dead letters: what nobody can use is kept, with the reason, where an operator can look at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use google_cloud_pubsub::model::Message;
use tokio::time::timeout;

use super::{PubSub, attributes, publish};
use crate::dead::{DeadLetter, FROM, Judge, REASON, Sentence, cut};
use crate::error::{BusError, PublishError};
use crate::rules;
use crate::subscription::SubscriptionSpec;

/// The dead letters of one subscription.
#[derive(Debug, Clone)]
pub(super) struct Graveyard {
    queue: Arc<PubSub>,
    subscription: Arc<str>,
}

impl Graveyard {
    pub(super) fn new(queue: Arc<PubSub>, subscription: &str) -> Self {
        Self {
            queue,
            subscription: subscription.into(),
        }
    }

    /// Copies `message` there.
    pub(super) async fn bury(&self, message: Message, reason: &str) -> Result<(), PublishError> {
        let mut message = message;
        let kept = message.attributes.drain().take(rules::MAX_ATTRIBUTES);
        let ours = [(REASON, cut(reason)), (FROM, &self.subscription)];
        let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let attributes: Vec<_> = kept.chain(ours).collect();
        let message = Message::new()
            .set_data(message.data)
            .set_attributes(attributes);
        let topic = SubscriptionSpec::dead(&self.subscription);
        publish::one(&self.queue, &topic, message).await
    }
}

/// Quiet that means that there are no more.
const QUIET: Duration = Duration::from_secs(1);

/// Looks at the dead letters of `subscription`, at most `most`, and does with each what `judge` says; those that stay are given
/// back. Returns all that it saw, with what was done.
pub(super) async fn settle(
    queue: &PubSub,
    subscription: &str,
    most: u32,
    judge: Judge<'_>,
) -> Result<Vec<(DeadLetter, Sentence)>, BusError> {
    let place = SubscriptionSpec::dead(subscription);
    let failed = |error: &dyn std::fmt::Display| BusError::Look {
        subscription: place.clone(),
        reason: error.to_string(),
    };
    let subscriber = queue.subscriber().await.map_err(|error| failed(&error))?;
    let mut stream = subscriber
        .subscribe(queue.subscription_path(&place))
        .set_max_outstanding_messages(most.max(1))
        .build();
    let mut found = Vec::new();
    while found.len() < most as usize {
        match timeout(QUIET, stream.next()).await {
            Err(_) | Ok(None) => break,
            Ok(Some(Err(error))) => return Err(failed(&error)),
            Ok(Some(Ok((message, handler)))) => {
                found.push((message, handler));
            }
        }
    }
    let mut settled = BTreeMap::new();
    for (message, handler) in found {
        let letter = letter(&message);
        let sentence = judge(&letter);
        match sentence {
            Sentence::Stay => handler.nack(),
            Sentence::Drop => handler.ack(),
            // A handler that is dropped gives its message back: nothing is lost where this fails.
            Sentence::Redeliver(topic) => {
                let again = publish::one(queue, topic.name(), revived(message)).await;
                again.map_err(|error| failed(&error))?;
                handler.ack();
            }
        }
        settled.insert(letter.id.clone(), (letter, sentence));
    }
    let token = stream.shutdown_token();
    if timeout(QUIET, token.shutdown()).await.is_err() {
        tracing::debug!(place, "the look was not closed in order");
    }
    Ok(settled.into_values().collect())
}

fn letter(message: &Message) -> DeadLetter {
    DeadLetter {
        id: message.message_id.clone(),
        reason: reason(message),
        event: attributes::decode(message),
        data: String::from_utf8_lossy(&message.data).into_owned(),
    }
}

/// The message as it was before it died.
fn revived(message: Message) -> Message {
    let ours = |name: &str| name == REASON || name == FROM || name.starts_with("CloudPubSub");
    let kept = message
        .attributes
        .into_iter()
        .filter(|(name, _)| !ours(name));
    Message::new().set_data(message.data).set_attributes(kept)
}

/// Ours, or else the queue's: it moves by itself what was delivered too often.
fn reason(message: &Message) -> String {
    let attribute = |name| message.attributes.get(name);
    match (
        attribute(REASON),
        attribute("CloudPubSubDeadLetterSourceDeliveryCount"),
    ) {
        (Some(reason), _) => reason.clone(),
        (None, Some(count)) => format!("delivered {count} times and never acknowledged"),
        (None, None) => "nobody said why".to_owned(),
    }
}
