//! Dead letters: what nobody can use is kept, with the reason, where an operator can look at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{Message as Received, MessageSystemAttributeName};
use farm_model::event::{HUB_EXTENSION, Topic};

use super::answers::LOAN;
use super::envelope::{self, Message};
use super::publish::{self, ToQueue};
use super::{Aws, poll, trouble};
use crate::dead::{DeadLetter, FROM, Judge, REASON, Sentence, cut};
use crate::error::BusError;
use crate::subscription::SubscriptionSpec;

/// A message has at most ten attributes; two are ours.
const KEPT: usize = 8;

/// The dead letters of one subscription.
#[derive(Debug, Clone)]
pub(super) struct Graveyard {
    queue: Arc<Aws>,
    subscription: Arc<str>,
}

impl Graveyard {
    pub(super) fn new(queue: Arc<Aws>, subscription: &str) -> Self {
        Self {
            queue,
            subscription: subscription.into(),
        }
    }

    /// Copies `message` there.
    ///
    /// # Errors
    /// For the log: it is not there.
    pub(super) async fn bury(&self, message: Message, reason: &str) -> Result<(), String> {
        let place = SubscriptionSpec::dead(&self.subscription);
        let kept = message.attributes.into_iter().take(KEPT);
        let ours = [
            (REASON.to_owned(), plain(cut(reason))),
            (FROM.to_owned(), self.subscription.to_string()),
        ];
        let message = Message {
            attributes: kept.chain(ours).collect(),
            ..message
        };
        let sent = publish::to_queue(&self.queue, &place, &place, vec![message]).await;
        sent.map_err(|error| match error {
            ToQueue::Missing(away) => away.to_string(),
            ToQueue::Failed(error) => error.to_string(),
        })
    }
}

/// Without the characters that these queues refuse.
fn plain(text: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(bad, " ")
}

/// A message with its text and its attributes that are texts.
pub(super) fn as_it_is(message: &Received) -> Message {
    let attributes = message.message_attributes().into_iter().flatten();
    let texts = attributes.filter_map(|(name, value)| {
        Some((
            name.clone(),
            value
                .string_value()
                .filter(|text| !text.is_empty())?
                .to_owned(),
        ))
    });
    Message {
        id: message.message_id().unwrap_or_default().to_owned(),
        body: message.body().unwrap_or_default().to_owned(),
        attributes: texts.collect(),
    }
}

/// Quiet that means that there are no more.
const QUIET: Duration = Duration::from_secs(1);

/// Looks at the dead letters of `subscription`, at most `most` of them, and does with each what `judge` says; those that stay
/// are given back. Returns all that it saw, with what was done.
pub(super) async fn settle(
    queue: &Aws,
    subscription: &str,
    most: u32,
    judge: Judge<'_>,
) -> Result<Vec<(DeadLetter, Sentence)>, BusError> {
    let place = SubscriptionSpec::dead(subscription);
    let failed = |reason: String| BusError::Look {
        subscription: place.clone(),
        reason,
    };
    let url = queue.queue(&place).await;
    let url = url.map_err(|away| failed(away.to_string()))?;
    let found = look(queue, &url, most as usize).await.map_err(failed)?;
    let mut settled = Vec::new();
    for message in found.into_values() {
        let letter = letter(&message);
        let sentence = judge(&letter);
        // What fails here leaves its message to come back by itself.
        let done = carry_out(queue, &url, &message, sentence).await;
        done.map_err(failed)?;
        settled.push((letter, sentence));
    }
    Ok(settled)
}

/// All that come before it is quiet, by their ids. They are ours for as long as a loan, which bounds how long is looked.
async fn look(queue: &Aws, url: &str, most: usize) -> Result<BTreeMap<String, Received>, String> {
    let until = tokio::time::Instant::now() + LOAN / 2;
    let mut found = BTreeMap::new();
    while found.len() < most && tokio::time::Instant::now() < until {
        let wanted = most - found.len();
        let came = poll::messages(queue, url, wanted, QUIET).await;
        let came = came.map_err(|error| error.to_string())?;
        if came.is_empty() {
            break;
        }
        let named = came.into_iter();
        found.extend(named.map(|one| (one.message_id().unwrap_or_default().to_owned(), one)));
    }
    Ok(found)
}

async fn carry_out(
    queue: &Aws,
    url: &str,
    message: &Received,
    sentence: Sentence,
) -> Result<(), String> {
    let sqs = &queue.clients().await.sqs;
    let receipt = message.receipt_handle().unwrap_or_default();
    if let Sentence::Redeliver(topic) = sentence {
        redeliver(queue, topic, message).await?;
    }
    if sentence == Sentence::Stay {
        let back = sqs.change_message_visibility().queue_url(url);
        let back = back.receipt_handle(receipt).visibility_timeout(0);
        let back = back.send().await.map(drop);
        return back.map_err(|error| trouble::sorted(&error).to_string());
    }
    let gone = sqs.delete_message().queue_url(url).receipt_handle(receipt);
    let gone = gone.send().await.map(drop);
    gone.map_err(|error| trouble::sorted(&error).to_string())
}

/// Publishes the message as it was before it died.
async fn redeliver(queue: &Aws, topic: Topic, message: &Received) -> Result<(), String> {
    let mut revived = as_it_is(message);
    revived
        .attributes
        .retain(|name, _| name != REASON && name != FROM);
    let topic_name = topic.name();
    if topic != Topic::Work {
        let sent = publish::to_topic(queue, topic_name, vec![revived]).await;
        return sent.map_err(|error| error.to_string());
    }
    let event = envelope::decode(&revived.body, None)?;
    if !event.extensions.contains_key(HUB_EXTENSION) {
        return Err("it names no hub".to_owned());
    }
    let sent = publish::to_hubs(queue, topic_name, vec![(&event, revived)]).await;
    sent.map_err(|error| error.to_string())
}

fn letter(message: &Received) -> DeadLetter {
    let body = message.body().unwrap_or_default();
    let event = envelope::decode(body, None);
    DeadLetter {
        id: message.message_id().unwrap_or_default().to_owned(),
        reason: reason(message),
        data: match &event {
            Ok(event) => event.data.clone(),
            Err(_) => body.to_owned(),
        },
        event,
    }
}

/// Ours, or else the queue's: it moves by itself what was delivered too often.
fn reason(message: &Received) -> String {
    let ours = message.message_attributes().and_then(|all| all.get(REASON));
    let moved = MessageSystemAttributeName::DeadLetterQueueSourceArn;
    let moved = message
        .attributes()
        .is_some_and(|all| all.contains_key(&moved));
    match ours.and_then(|reason| reason.string_value()) {
        Some(reason) => reason.to_owned(),
        None if moved => "delivered too often and never acknowledged".to_owned(),
        None => "nobody said why".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_no_characters_that_a_queue_refuses() {
        assert_eq!(plain("a\u{1}b\nc\u{ffff}ä"), "a b c ä");
    }
}
