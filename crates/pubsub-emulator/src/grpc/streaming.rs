//! `StreamingPull`: messages one way, acknowledgements and deadlines the other.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tonic::{Status, Streaming};

use crate::broker::{Broker, Consumer, Settled, fill, received};
use crate::encoded::StreamingPullResponse;
use crate::lease::Flow;
use crate::proto::StreamingPullRequest;
use crate::proto::streaming_pull_response::{
    AcknowledgeConfirmation, ModifyAckDeadlineConfirmation, SubscriptionProperties,
};
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
    /// What the last request's acknowledgements came to, to be said next.
    confirmed: Option<StreamingPullResponse>,
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
    let lease = lease(first.stream_ack_deadline_seconds)?
        .ok_or_else(|| Refusal::invalid("the first request has no stream_ack_deadline_seconds"))?;
    let ordered = broker
        .subscription(&first.subscription)?
        .enable_message_ordering;
    let consumer = broker.consumer(&first.subscription, |_| Flow {
        max_messages: bound(first.max_outstanding_messages),
        max_bytes: bound(first.max_outstanding_bytes) as u64,
        lease,
        one_a_key: false,
    })?;
    let mut session = Session {
        broker: Arc::clone(broker),
        consumer,
        subscription: first.subscription.clone(),
        requests,
        ordered,
        confirmed: None,
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
            if let Some(confirmed) = self.confirmed.take() {
                return Some((Ok(self.with_properties(confirmed)), self));
            }
            let batch = tokio::select! {
                request = self.requests.message() => match request {
                    Ok(Some(request)) => match self.goes_on(request).await {
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
            let response = response.map(|deliveries| {
                self.with_properties(StreamingPullResponse {
                    received_messages: received(deliveries),
                    ..StreamingPullResponse::default()
                })
            });
            return Some((response.map_err(Status::from), self));
        }
        None
    }

    /// Says what kind of subscription it is: clients behave by it.
    fn with_properties(&self, response: StreamingPullResponse) -> StreamingPullResponse {
        let properties = SubscriptionProperties {
            exactly_once_delivery_enabled: self.consumer.exactly_once(),
            message_ordering_enabled: self.ordered,
        };
        StreamingPullResponse {
            subscription_properties: Some(properties),
            ..response
        }
    }

    /// A request after the first: what opens a stream has no place in it.
    async fn goes_on(&mut self, request: StreamingPullRequest) -> Result<(), Refusal> {
        let opens = [
            (!request.subscription.is_empty(), "subscription"),
            (
                request.max_outstanding_messages != 0,
                "max_outstanding_messages",
            ),
            (request.max_outstanding_bytes != 0, "max_outstanding_bytes"),
            (request.protocol_version != 0, "protocol_version"),
        ];
        if let Some((_, field)) = opens.iter().find(|(set, _)| *set) {
            return Err(Refusal::invalid(format!(
                "{field} can be set in the first request of a stream only"
            )));
        }
        self.answers(request).await
    }

    /// What a request acknowledges and prolongs. An empty one only keeps the stream alive.
    async fn answers(&mut self, request: StreamingPullRequest) -> Result<(), Refusal> {
        if let Some(length) = lease(request.stream_ack_deadline_seconds)? {
            self.consumer.set_lease(length);
        }
        if !request.ack_ids.is_empty() {
            let settled = self
                .broker
                .acknowledge(&self.subscription, &request.ack_ids)
                .await?;
            self.confirm_acks(settled);
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
        if !deadlines.is_empty() {
            let settled = self
                .broker
                .modify_deadlines(&self.subscription, &deadlines)?;
            self.confirm_deadlines(settled);
        }
        Ok(())
    }

    /// Only exactly-once delivery confirms.
    fn confirm_acks(&mut self, settled: Settled) {
        if settled.exactly_once {
            let response = self.confirmed.get_or_insert_default();
            response.acknowledge_confirmation = Some(AcknowledgeConfirmation {
                ack_ids: settled.done,
                invalid_ack_ids: settled.failed.into_iter().map(|(id, _)| id).collect(),
                ..AcknowledgeConfirmation::default()
            });
        }
    }

    fn confirm_deadlines(&mut self, settled: Settled) {
        if settled.exactly_once {
            let response = self.confirmed.get_or_insert_default();
            response.modify_ack_deadline_confirmation = Some(ModifyAckDeadlineConfirmation {
                ack_ids: settled.done,
                invalid_ack_ids: settled.failed.into_iter().map(|(id, _)| id).collect(),
                ..ModifyAckDeadlineConfirmation::default()
            });
        }
    }
}
