//! `StreamingPull`: messages one way, acknowledgements and deadlines the other.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tonic::{Status, Streaming};

use crate::broker::{Broker, Consumer, fill, received};
use crate::lease::Flow;
use crate::proto::{StreamingPullRequest, StreamingPullResponse, streaming_pull_response};
use crate::refusal::Refusal;

/// Messages in one response.
const MOST_A_RESPONSE: usize = 500;

pub(super) type Responses =
    Pin<Box<dyn Stream<Item = Result<StreamingPullResponse, Status>> + Send>>;

/// An open stream. Dropping it, which the transport does as soon as the client is gone, closes
/// the consumer.
struct Session {
    broker: Arc<Broker>,
    consumer: Consumer,
    subscription: String,
    requests: Streaming<StreamingPullRequest>,
    ordered: bool,
    over: bool,
}

/// Reads the first request and opens the consumer.
pub(super) async fn open(
    broker: &Arc<Broker>,
    mut requests: Streaming<StreamingPullRequest>,
) -> Result<Responses, Status> {
    let first = requests
        .message()
        .await?
        .ok_or_else(|| Refusal::invalid("the stream ended before its first request"))?;
    broker.check_pullable(&first.subscription)?;
    let lease = lease(first.stream_ack_deadline_seconds)?;
    let ordered = broker
        .subscription(&first.subscription)?
        .enable_message_ordering;
    let consumer = broker.consumer(&first.subscription, |own| Flow {
        max_messages: bound(first.max_outstanding_messages),
        max_bytes: bound(first.max_outstanding_bytes) as u64,
        lease: lease.unwrap_or(own),
        one_a_key: false,
    })?;
    let mut session = Session {
        broker: Arc::clone(broker),
        consumer,
        subscription: first.subscription.clone(),
        requests,
        ordered,
        over: false,
    };
    session.answers(first).await?;
    Ok(Box::pin(futures::stream::unfold(session, Session::next)))
}

/// 0 and less mean no bound.
fn bound(asked: i64) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(bound) => bound,
    }
}

fn lease(seconds: i32) -> Result<Option<Duration>, Refusal> {
    match u64::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(length @ 10..=600) => Ok(Some(Duration::from_secs(length))),
        _ => Err(Refusal::invalid(format!(
            "stream ack deadline of {seconds} s: must be 10 to 600"
        ))),
    }
}

impl Session {
    /// The next response, and the session for the one after; `None` when the client has finished.
    async fn next(mut self) -> Option<(Result<StreamingPullResponse, Status>, Self)> {
        while !self.over {
            let batch = tokio::select! {
                request = self.requests.message() => match request {
                    Ok(Some(request)) => match self.answers(request).await {
                        Ok(()) => continue,
                        Err(refusal) => Err(refusal),
                    },
                    Ok(None) | Err(_) => return None,
                },
                batch = self.consumer.take(MOST_A_RESPONSE) => batch,
            };
            let response = match batch {
                Ok(batch) => fill(batch).await,
                Err(refusal) => Err(refusal),
            };
            self.over = response.is_err();
            let response = response.map(|deliveries| StreamingPullResponse {
                received_messages: received(deliveries),
                subscription_properties: Some(streaming_pull_response::SubscriptionProperties {
                    exactly_once_delivery_enabled: false,
                    message_ordering_enabled: self.ordered,
                }),
                ..StreamingPullResponse::default()
            });
            return Some((response.map_err(Status::from), self));
        }
        None
    }

    /// What a request acknowledges and prolongs. An empty one only keeps the stream alive.
    async fn answers(&mut self, request: StreamingPullRequest) -> Result<(), Refusal> {
        if let Some(length) = lease(request.stream_ack_deadline_seconds)? {
            self.consumer.set_lease(length);
        }
        if !request.ack_ids.is_empty() {
            self.broker
                .acknowledge(&self.subscription, &request.ack_ids)
                .await?;
        }
        let (ids, seconds) = (
            request.modify_deadline_ack_ids,
            request.modify_deadline_seconds,
        );
        if ids.len() != seconds.len() {
            return Err(Refusal::invalid(
                "modify_deadline_ack_ids and modify_deadline_seconds differ in length",
            ));
        }
        let deadlines: Vec<_> = ids.into_iter().zip(seconds).collect();
        if deadlines.is_empty() {
            return Ok(());
        }
        self.broker
            .modify_deadlines(&self.subscription, &deadlines)
            .map(|_| ())
    }
}
