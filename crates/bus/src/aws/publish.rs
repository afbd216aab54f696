//! Publishing, always to the end: in batches, each tried until the service has all of it.

use std::collections::BTreeMap;

use farm_model::event::{Event, HUB_EXTENSION};
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep, timeout_at};

use self::batch::Fault;
use super::envelope::Message;
use super::queues::Away;
use super::trouble::Trouble;
use super::{Aws, PATIENCE};
use crate::error::PublishError;
use crate::pause::Pause;
use crate::rules;

mod batch;

pub(super) use self::batch::Target;

/// Batches under way at once.
const SIDE_BY_SIDE: usize = 4;
/// Pauses between tries of one batch.
const FIRST_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Publishes to everybody who listens to `topic`.
pub(super) async fn to_topic(
    queue: &Aws,
    topic: &str,
    messages: Vec<Message>,
) -> Result<(), PublishError> {
    if messages.is_empty() {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    let arn = match timeout_at(deadline, queue.topic_arn(topic)).await {
        Ok(arn) => arn.map_err(|trouble| again(topic, trouble))?,
        Err(_) => return Err(again(topic, "the service does not say whose account it is")),
    };
    all(queue, topic, &Target::Topic(arn), messages, deadline).await
}

/// Sends each event to the queue of the hub that it names.
pub(super) async fn to_hubs(
    queue: &Aws,
    topic: &str,
    events: Vec<(&Event, Message)>,
) -> Result<(), PublishError> {
    let mut by_hub: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for (event, message) in events {
        let hub = &event.extensions[HUB_EXTENSION];
        by_hub.entry(hub.clone()).or_default().push(message);
    }
    let each = by_hub.into_iter();
    let each = each.map(|(hub, messages)| to_hub(queue, topic, hub, messages));
    let sent: Vec<_> = stream::iter(each)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    worst(sent)
}

async fn to_hub(
    queue: &Aws,
    topic: &str,
    hub: String,
    messages: Vec<Message>,
) -> Result<(), PublishError> {
    match to_queue(queue, topic, &format!("{topic}-{hub}"), messages).await {
        Err(ToQueue::Missing(away)) => {
            // As on any topic: what nobody listens to is gone. The attempt is given up when nobody has accepted it in time.
            tracing::warn!(hub, %away, "work for a hub that has no queue is dropped");
            Ok(())
        }
        Err(ToQueue::Failed(error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

/// Why messages were not sent to a queue.
#[derive(Debug)]
pub(super) enum ToQueue {
    /// There is no such queue.
    Missing(Away),
    Failed(PublishError),
}

/// Sends to the queue of `subscription` alone; `topic` is for errors.
pub(super) async fn to_queue(
    queue: &Aws,
    topic: &str,
    subscription: &str,
    messages: Vec<Message>,
) -> Result<(), ToQueue> {
    let deadline = Instant::now() + PATIENCE;
    let url = match timeout_at(deadline, queue.queue(subscription)).await {
        Ok(Ok(url)) => url,
        Ok(Err(away)) if matches!(away.trouble, Trouble::Missing(_)) => {
            return Err(ToQueue::Missing(away));
        }
        Ok(Err(away)) => return Err(ToQueue::Failed(again(topic, away))),
        Err(_) => return Err(ToQueue::Failed(again(topic, "no answer in time"))),
    };
    let target = Target::Queue(url);
    let sent = all(queue, topic, &target, messages, deadline).await;
    sent.map_err(ToQueue::Failed)
}

async fn all(
    queue: &Aws,
    topic: &str,
    target: &Target,
    messages: Vec<Message>,
    deadline: Instant,
) -> Result<(), PublishError> {
    let sender = Sender {
        queue,
        topic,
        target,
        deadline,
    };
    let sending = batch::split(messages).into_iter();
    let sending = sending.map(|batch| sender.whole(batch));
    let sent: Vec<_> = stream::iter(sending)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    worst(sent)
}

/// An error that says to try again comes before one that says never: after it, all are tried again.
fn worst(results: Vec<Result<(), PublishError>>) -> Result<(), PublishError> {
    let mut errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    let at = errors.iter().position(PublishError::is_again).unwrap_or(0);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.swap_remove(at))
    }
}

struct Sender<'a> {
    queue: &'a Aws,
    topic: &'a str,
    target: &'a Target,
    deadline: Instant,
}

impl Sender<'_> {
    /// Sends what is left of a batch until nothing is.
    async fn whole(&self, batch: Vec<Message>) -> Result<(), PublishError> {
        let (mut left, mut never) = (batch, None);
        let mut pause = Pause::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let last = match self.once(&left).await {
                Ok(faults) => self.sift(&mut left, faults, &mut never),
                Err(Trouble::Passing(text)) => text,
                Err(trouble) if trouble.is_the_messages() => {
                    return self.apart(left, never, &trouble).await;
                }
                Err(trouble) => {
                    self.queue.forget(self.target);
                    return Err(again(self.topic, trouble));
                }
            };
            if left.is_empty() {
                return never.map_or(Ok(()), Err);
            }
            let wait = pause.grow();
            if Instant::now() + wait >= self.deadline {
                return Err(again(self.topic, last));
            }
            sleep(wait).await;
        }
    }

    async fn once(&self, batch: &[Message]) -> Result<Vec<Fault>, Trouble> {
        let clients = self.queue.clients().await;
        let sending = batch::send(clients, self.target, batch);
        let late = || Trouble::Passing("no answer in time".to_owned());
        match timeout_at(self.deadline, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(late()),
        }
    }

    /// Leaves what is to be sent once more; says why.
    fn sift(
        &self,
        left: &mut Vec<Message>,
        faults: Vec<Fault>,
        never: &mut Option<PublishError>,
    ) -> String {
        let (mut rest, mut last) = (Vec::new(), String::new());
        for fault in faults {
            let Some(message) = left.get(fault.at) else {
                continue;
            };
            if fault.is_ours {
                never.get_or_insert(rules::never(self.topic, &message.id, fault.text));
            } else {
                rest.push(message.clone());
                last = fault.text;
            }
        }
        *left = rest;
        last
    }

    /// One of them spoils the batch: each is sent alone, so that it spoils no other.
    async fn apart(
        &self,
        batch: Vec<Message>,
        never: Option<PublishError>,
        trouble: &Trouble,
    ) -> Result<(), PublishError> {
        if let [message] = &batch[..] {
            return Err(rules::never(self.topic, &message.id, trouble.to_string()));
        }
        let mut sent = vec![never.map_or(Ok(()), Err)];
        for message in batch {
            sent.push(Box::pin(self.whole(vec![message])).await);
        }
        worst(sent)
    }
}

impl Aws {
    fn forget(&self, target: &Target) {
        if let Target::Queue(url) = target {
            self.queues.forget(url);
        }
    }
}

fn again(topic: &str, reason: impl ToString) -> PublishError {
    PublishError::Again {
        topic: topic.to_owned(),
        reason: reason.to_string(),
    }
}
