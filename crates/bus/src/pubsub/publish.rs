//! Publishing, always to the end: a message is sent at once and its answer waited for, so that nothing is left in a buffer
//! when a function is frozen after its answer.

use google_cloud_pubsub::client::{BasePublisher, Publisher};
use google_cloud_pubsub::error::PublishError as ClientError;
use google_cloud_pubsub::model::Message;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{PubSub, trouble};
use crate::error::PublishError;

/// A batch's limits; the service's are 1,000 messages and 10 MB.
const BATCH_MESSAGES: u32 = 500;
const BATCH_BYTES: u32 = 4_000_000;

/// Publishers made so far. One that failed is forgotten and made anew.
#[derive(Debug, Default)]
pub(super) struct Publishers(Mutex<Made>);

#[derive(Debug, Default)]
struct Made {
    base: Option<BasePublisher>,
    by_topic: HashMap<String, Publisher>,
    /// Counts how often they were forgotten, so that many failures of one client forget it once.
    life: u64,
}

impl Publishers {
    fn made(&self) -> MutexGuard<'_, Made> {
        // What is inside is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, life: u64) {
        let mut made = self.made();
        if made.life == life {
            *made = Made {
                life: life + 1,
                ..Made::default()
            };
        }
    }
}

/// Publishes one message.
pub(super) async fn one(queue: &PubSub, topic: &str, message: Message) -> Result<(), PublishError> {
    bounded(queue, topic, async |base, life| {
        let publisher = shared(queue, base, life, topic);
        vec![(id_of(&message), publisher.publish(message))]
    })
    .await
}

/// Publishes messages in as few requests as may be.
pub(super) async fn many(
    queue: &PubSub,
    topic: &str,
    messages: Vec<Message>,
) -> Result<(), PublishError> {
    if messages.is_empty() {
        return Ok(());
    }
    bounded(queue, topic, async |base, _| {
        // A publisher of its own, since flushing one that is shared would hold up everybody else's messages. Dropping it
        // sends what it has not sent yet.
        let publisher = base
            .publisher(queue.topic_path(topic))
            .set_message_count_threshold(BATCH_MESSAGES)
            .set_byte_threshold(BATCH_BYTES)
            .build();
        let send = |message: Message| (id_of(&message), publisher.publish(message));
        messages.into_iter().map(send).collect()
    })
    .await
}

type Sent = Vec<(String, google_cloud_pubsub::publisher::PublishFuture)>;

/// Sends with `send` and waits for all answers, within the queue's patience, making a client and fetching credentials included.
async fn bounded(
    queue: &PubSub,
    topic: &str,
    send: impl AsyncFnOnce(BasePublisher, u64) -> Sent,
) -> Result<(), PublishError> {
    let life = queue.publishers.made().life;
    let work = async {
        let base = base(queue).await.map_err(|error| again(topic, error))?;
        for (id, answer) in send(base, life).await {
            answer.await.map_err(|error| sorted(topic, id, &error))?;
        }
        Ok(())
    };
    let late = || again(topic, format!("no answer within {:?}", queue.patience));
    let done = tokio::time::timeout(queue.patience, work).await;
    let done = done.unwrap_or_else(|_| Err(late()));
    if done.as_ref().is_err_and(PublishError::is_again) {
        queue.publishers.forget(life);
    }
    done
}

async fn base(queue: &PubSub) -> Result<BasePublisher, google_cloud_gax::client_builder::Error> {
    if let Some(base) = &queue.publishers.made().base {
        return Ok(base.clone());
    }
    // The client ends its tries a little earlier: its own error says more than ours.
    let base = queue.publisher(queue.patience * 9 / 10).await?;
    // Two may make one at once: the first stays.
    let mut made = queue.publishers.made();
    Ok(made.base.get_or_insert(base).clone())
}

/// The publisher of `topic` that everybody shares. It sends each message at once, many side by side, since a function's
/// answer waits for each.
fn shared(queue: &PubSub, base: BasePublisher, life: u64, topic: &str) -> Publisher {
    let make = || {
        base.publisher(queue.topic_path(topic))
            .set_message_count_threshold(1)
            .build()
    };
    let mut made = queue.publishers.made();
    if made.life != life {
        return make();
    }
    let topic = topic.to_owned();
    made.by_topic.entry(topic).or_insert_with(make).clone()
}

fn id_of(message: &Message) -> String {
    message.attributes.get("ce-id").cloned().unwrap_or_default()
}

fn again(topic: &str, reason: impl ToString) -> PublishError {
    PublishError::Again {
        topic: topic.to_owned(),
        reason: reason.to_string(),
    }
}

fn sorted(topic: &str, id: String, error: &ClientError) -> PublishError {
    match error {
        ClientError::Rpc(cause) if trouble::is_the_messages(cause) => PublishError::Never {
            id,
            topic: topic.to_owned(),
            reason: cause.to_string(),
        },
        ClientError::Rpc(cause) => again(topic, cause),
        other => again(topic, other),
    }
}

#[cfg(test)]
mod tests;
