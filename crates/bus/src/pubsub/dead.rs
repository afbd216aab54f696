//! Dead letters: what nobody can use is kept, with the reason, where an operator can look at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::handler::Handler;
use tokio::time::timeout;

use super::{PubSub, attributes, publish};
use crate::dead::DeadLetter;
use crate::error::{BusError, PublishError};
use crate::subscription::SubscriptionSpec;

/// Why it was rejected, cut to what an attribute holds.
const REASON: &str = "farm-dead-reason";
/// The subscription that it was rejected from.
const FROM: &str = "farm-dead-from";

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
        let kept = message.attributes.drain().take(attributes::MAX_ATTRIBUTES);
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

/// Looks at the dead letters of `subscription`, at most `most`, and gives them all back.
pub(super) async fn look(
    queue: &PubSub,
    subscription: &str,
    most: u32,
) -> Result<Vec<DeadLetter>, BusError> {
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
    let (mut found, mut held) = (BTreeMap::new(), Vec::new());
    while held.len() < most as usize {
        match timeout(QUIET, stream.next()).await {
            Err(_) | Ok(None) => break,
            Ok(Some(Err(error))) => return Err(failed(&error)),
            Ok(Some(Ok((message, handler)))) => {
                found.insert(message.message_id.clone(), reason(&message));
                held.push(handler);
            }
        }
    }
    held.into_iter().for_each(Handler::nack);
    let token = stream.shutdown_token();
    if timeout(QUIET, token.shutdown()).await.is_err() {
        tracing::debug!(place, "the look was not closed in order");
    }
    let letter = |(id, reason)| DeadLetter { id, reason };
    Ok(found.into_iter().map(letter).collect())
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

/// As much of `text` as an attribute holds; never nothing, which no attribute may be.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(attributes::MAX_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        "no reason given"
    } else {
        &text[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(600)).len(), 1024);
        assert_eq!(cut(&format!("x{}", "ä".repeat(600))).len(), 1023);
        assert_eq!(cut(""), "no reason given");
    }
}
