//! Pushes the messages of one subscription.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::request::request;
use super::token::Tokens;
use super::{Client, PushTarget};
use crate::broker::{Batch, Broker, Consumer, Delivery, Outcome, fill};
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
        let pusher = Pusher {
            broker: Arc::clone(&broker),
            consumer,
            client: client.clone(),
            tokens: target.identity.clone().map(Tokens::new),
            target: target.clone(),
        };
        let pushing = push_all(Arc::new(pusher), concurrency, &stop);
        tokio::select! {
            () = broker.closing().cancelled() => return,
            refusal = pushing => if let Some(refusal) = refusal {
                // A change of the subscription is no news, and a log that cannot be read was told.
                tracing::debug!(subscription = target.subscription, %refusal, "pushing is interrupted");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Pushes until told to stop, or until messages cannot be had, which it returns. The consumer's flow
/// control bounds the posts under way; at the end their answers still count.
async fn push_all(
    pusher: Arc<Pusher>,
    concurrency: usize,
    stop: &CancellationToken,
) -> Option<Refusal> {
    let mut posts = JoinSet::new();
    let refusal = loop {
        tokio::select! {
            () = stop.cancelled() => break None,
            Some(ended) = posts.join_next() => note(ended),
            // What was taken is filled to the end, whatever happens meanwhile.
            batch = pusher.consumer.take(concurrency) => match filled(batch).await {
                Ok(deliveries) => for delivery in deliveries {
                    let pusher = Arc::clone(&pusher);
                    posts.spawn(async move { pusher.push(&delivery).await });
                },
                Err(refusal) => break Some(refusal),
            }
        }
    };
    // Each post has a deadline of its own.
    while let Some(ended) = posts.join_next().await {
        note(ended);
    }
    refusal
}

async fn filled(batch: Result<Batch, Refusal>) -> Result<Vec<Delivery>, Refusal> {
    fill(batch?).await
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a push has failed");
    }
}

/// What all posts of a subscription share.
struct Pusher {
    broker: Arc<Broker>,
    consumer: Consumer,
    client: Client,
    target: PushTarget,
    tokens: Option<Tokens>,
}

impl Pusher {
    async fn push(&self, delivery: &Delivery) {
        let outcome = self.post(delivery).await;
        self.consumer.settle(delivery, outcome);
    }

    async fn post(&self, delivery: &Delivery) -> Outcome {
        let endpoint = &self.target.endpoint;
        let tokens = self.tokens.as_ref();
        let token = tokens.map(|tokens| tokens.current(self.broker.signer(), self.broker.now()));
        let token = match token.transpose() {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(endpoint, %error, "push without its token withheld");
                return Outcome::Failed;
            }
        };
        let opened = match delivery.open() {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%error, "a message cannot be read");
                return Outcome::Failed;
            }
        };
        let post = request(&self.client, &self.target, &opened, token.as_deref());
        match post.timeout(self.target.deadline).send().await {
            Ok(answer) if acknowledges(answer.status().as_u16()) => Outcome::Done,
            Ok(answer) => {
                tracing::debug!(endpoint, status = %answer.status(), "push refused");
                Outcome::Failed
            }
            Err(error) => {
                tracing::debug!(endpoint, %error, "push failed");
                Outcome::Failed
            }
        }
    }
}

/// <https://cloud.google.com/pubsub/docs/push#receive_push>.
fn acknowledges(status: u16) -> bool {
    matches!(status, 102 | 200 | 201 | 202 | 204)
}
