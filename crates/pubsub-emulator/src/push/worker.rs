//! Pushes the messages of one subscription.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::request::request;
use super::{Client, PushTarget};
use crate::broker::{Broker, Consumer, Delivery, Outcome, fill};
use crate::lease::Flow;
use crate::refusal::Refusal;

/// A lease outlives the wait for the answer by this, so that the answer decides.
const GRACE: Duration = Duration::from_secs(1);
/// Wait after the emulator itself failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until told to stop, or until the broker closes.
pub(super) async fn run(
    broker: Arc<Broker>,
    client: Client,
    target: PushTarget,
    concurrency: usize,
    stop: CancellationToken,
) {
    let flow = |_| Flow {
        max_messages: concurrency.max(1),
        max_bytes: u64::MAX,
        lease: target.deadline + GRACE,
        one_a_key: true,
    };
    while !stop.is_cancelled() && !broker.closing().is_cancelled() {
        let Ok(consumer) = broker.consumer(&target.subscription, flow) else {
            return;
        };
        let pushing = push_all(Arc::new(consumer), &client, &target, concurrency);
        tokio::select! {
            () = stop.cancelled() => return,
            () = broker.closing().cancelled() => return,
            refusal = pushing => {
                tracing::warn!(subscription = target.subscription, %refusal, "pushing is interrupted");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Pushes until messages cannot be had. The consumer's flow control bounds the posts under way.
async fn push_all(
    consumer: Arc<Consumer>,
    client: &Client,
    target: &PushTarget,
    concurrency: usize,
) -> Refusal {
    let mut posts = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = posts.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a push has failed");
                }
            }
            batch = consumer.take(concurrency) => {
                let deliveries = match batch {
                    Ok(batch) => fill(batch).await,
                    Err(refusal) => Err(refusal),
                };
                let deliveries = match deliveries {
                    Ok(deliveries) => deliveries,
                    Err(refusal) => return refusal,
                };
                for delivery in deliveries {
                    let (consumer, client) = (Arc::clone(&consumer), client.clone());
                    let target = target.clone();
                    posts.spawn(async move { push(&consumer, &client, &target, &delivery).await });
                }
            }
        }
    }
}

async fn push(consumer: &Consumer, client: &Client, target: &PushTarget, delivery: &Delivery) {
    let message = match delivery.message.decode() {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, "a message cannot be read");
            return consumer.settle(delivery, Outcome::Failed);
        }
    };
    let answer = request(client, target, &message, delivery.attempt)
        .timeout(target.deadline)
        .send()
        .await;
    let outcome = match answer {
        Ok(answer) if acknowledges(answer.status().as_u16()) => Outcome::Done,
        Ok(answer) => {
            tracing::debug!(endpoint = target.endpoint, status = %answer.status(), "push refused");
            Outcome::Failed
        }
        Err(error) => {
            tracing::debug!(endpoint = target.endpoint, %error, "push failed");
            Outcome::Failed
        }
    };
    consumer.settle(delivery, outcome);
}

/// <https://cloud.google.com/pubsub/docs/push#receive_push>.
fn acknowledges(status: u16) -> bool {
    matches!(status, 102 | 200 | 201 | 202 | 204)
}
