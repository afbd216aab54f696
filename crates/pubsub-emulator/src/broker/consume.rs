//! Taking messages: streams, pulls and push endpoints.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ack_id::AckId;
use super::messages::Body;
use super::settings;
use super::state::{PULLS, State, Subscription};
use super::{Broker, Outcome};
use crate::clock::Moment;
use crate::disturbance::Fate;
use crate::lease::{ConsumerId, Flow, Seq, Taken, Token};
use crate::proto::{PubsubMessage, ReceivedMessage};
use crate::refusal::Refusal;
use crate::store::catalog::SubscriptionId;

/// Of messages that are handed over together.
const MOST_BYTES: u64 = 4 << 20;

/// A consumer of one subscription. When it is dropped, what it has is ready for others at once.
#[derive(Debug)]
pub(crate) struct Consumer {
    broker: Arc<Broker>,
    subscription: SubscriptionId,
    id: ConsumerId,
    arrivals: Arc<Notify>,
    end: CancellationToken,
}

/// A leased message.
#[derive(Debug)]
pub(crate) struct Delivery {
    subscription: SubscriptionId,
    seq: Seq,
    token: Token,
    /// 0 where there is no dead-letter policy, as on the wire.
    pub attempt: u32,
    pub message: Arc<PubsubMessage>,
}

/// Leases whose messages may still be on disk.
#[derive(Debug)]
pub(crate) struct Batch(Vec<(SubscriptionId, Taken, Body)>);

impl Broker {
    /// Opens a consumer. `flow` gets the subscription's own lease length and may change it.
    pub fn consumer(
        self: &Arc<Self>,
        name: &str,
        flow: impl FnOnce(Duration) -> Flow,
    ) -> Result<Consumer, Refusal> {
        let state = &mut *self.state.lock();
        let subscription = state.find(name)?;
        let id = state.new_consumer();
        let found = state.get_mut(subscription)?;
        let flow = flow(found.ack_deadline());
        found.leases.open(id, flow);
        Ok(Consumer {
            broker: Arc::clone(self),
            subscription,
            id,
            arrivals: Arc::clone(&found.arrivals),
            end: found.end.clone(),
        })
    }

    /// Refuses pulling from a push subscription, as the service does.
    pub fn check_pullable(&self, name: &str) -> Result<(), Refusal> {
        let state = self.state.lock();
        let id = state.find(name)?;
        let push = state.subscriptions.get(&id);
        match push.and_then(|s| settings::push_endpoint(&s.config)) {
            Some(_) => Err(Refusal::precondition(
                "This method is not supported for this subscription type: it is a push subscription.",
            )),
            None => Ok(()),
        }
    }

    /// One unary pull: waits up to `patience` for at least one message.
    pub async fn pull(
        self: &Arc<Self>,
        name: &str,
        most: usize,
        patience: Duration,
    ) -> Result<Vec<ReceivedMessage>, Refusal> {
        self.check_pullable(name)?;
        let pulls = {
            let state = &mut *self.state.lock();
            let subscription = state.find(name)?;
            let found = state.get_mut(subscription)?;
            (subscription, Arc::clone(&found.arrivals), found.end.clone())
        };
        let (subscription, arrivals, end) = &pulls;
        let waiting = self.take_some(*subscription, PULLS, most, arrivals, end);
        match tokio::time::timeout(patience, waiting).await {
            Ok(batch) => Ok(received(fill(batch?).await?)),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Waits until there is something to take. Nothing is taken if it is dropped before its end.
    async fn take_some(
        &self,
        subscription: SubscriptionId,
        id: ConsumerId,
        most: usize,
        arrivals: &Notify,
        end: &CancellationToken,
    ) -> Result<Batch, Refusal> {
        loop {
            let arrival = arrivals.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            if self.closing.is_cancelled() {
                return Err(Refusal::shutting_down());
            }
            let batch = self.take(subscription, id, most)?;
            if !batch.0.is_empty() {
                return Ok(batch);
            }
            tokio::select! {
                () = arrival => {}
                () = self.closing.cancelled() => return Err(Refusal::shutting_down()),
                () = end.cancelled() => {
                    return Err(Refusal::not_found("the subscription was deleted or changed"));
                }
            }
        }
    }

    fn take(
        &self,
        subscription: SubscriptionId,
        id: ConsumerId,
        most: usize,
    ) -> Result<Batch, Refusal> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let found = state.get_mut(subscription)?;
        let counted = found.config.dead_letter_policy.is_some();
        let mut taken = found.leases.take(id, most, MOST_BYTES, now);
        let any = !taken.is_empty();
        self.disturb(found, &mut taken, now);
        if any {
            self.remind(state, subscription);
        }
        let with_body = |mut taken: Taken| {
            taken.attempt = if counted { taken.attempt } else { 0 };
            let stored = state.messages.get(taken.seq)?;
            Some((subscription, taken, stored.body.clone()))
        };
        Ok(Batch(taken.into_iter().filter_map(with_body).collect()))
    }

    /// Takes out what does not reach the consumer now.
    fn disturb(&self, found: &mut Subscription, taken: &mut Vec<Taken>, now: Moment) {
        let Some(disturbance) = &self.disturbance else {
            return;
        };
        let (name, leases) = (found.name.as_str(), &mut found.leases);
        taken.retain(
            |taken| match disturbance.fate(name, taken.seq.0, taken.attempt) {
                Fate::Delivered => true,
                Fate::Lost { again } => !leases.extend(taken.seq, taken.token, again, now),
                Fate::Late { by } => !leases.put_off(taken.seq, taken.token, by, now),
            },
        );
    }

    fn close_consumer(self: &Arc<Self>, subscription: SubscriptionId, id: ConsumerId) {
        let state: &mut State = &mut self.state.lock();
        if let Some(found) = state.subscriptions.get_mut(&subscription) {
            found.leases.close(id);
            self.settled(state, subscription, Vec::new());
        }
    }
}

impl Consumer {
    /// Waits for messages and leases them. Leases nothing if it is dropped before its end.
    pub async fn take(&self, most: usize) -> Result<Batch, Refusal> {
        self.broker
            .take_some(self.subscription, self.id, most, &self.arrivals, &self.end)
            .await
    }

    /// Further leases are of this length.
    pub fn set_lease(&self, lease: Duration) {
        let state = &mut *self.broker.state.lock();
        if let Ok(found) = state.get_mut(self.subscription) {
            found.leases.set_lease(self.id, lease);
        }
    }

    /// Says what became of a message.
    pub fn settle(&self, delivery: &Delivery, outcome: Outcome) {
        self.broker
            .settle(delivery.subscription, delivery.seq, delivery.token, outcome);
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.broker.close_consumer(self.subscription, self.id);
    }
}

/// Reads the messages of a batch, from the disk where they are not in memory.
pub(crate) async fn fill(batch: Batch) -> Result<Vec<Delivery>, Refusal> {
    let on_disk = |(_, _, body): &(_, _, Body)| matches!(body, Body::OnDisk(_));
    let read = if batch.0.iter().any(on_disk) {
        tokio::task::spawn_blocking(move || batch.read())
            .await
            .map_err(|error| Refusal::internal(error.to_string()))?
    } else {
        batch.read()
    };
    read.map_err(|error| {
        tracing::error!(%error, "a message cannot be read from the log");
        Refusal::unavailable(format!("a message cannot be read from the log: {error}"))
    })
}

impl Batch {
    fn read(self) -> std::io::Result<Vec<Delivery>> {
        let read = self.0.into_iter().map(|(subscription, taken, body)| {
            Ok(Delivery {
                subscription,
                seq: taken.seq,
                token: taken.token,
                attempt: taken.attempt,
                message: body.read()?,
            })
        });
        read.collect()
    }
}

/// Deliveries as they go over the wire.
pub(crate) fn received(deliveries: Vec<Delivery>) -> Vec<ReceivedMessage> {
    deliveries
        .into_iter()
        .map(|delivery| {
            let ack_id = AckId {
                subscription: delivery.subscription,
                seq: delivery.seq,
                token: delivery.token,
            };
            ReceivedMessage {
                ack_id: ack_id.to_string(),
                message: Some((*delivery.message).clone()),
                delivery_attempt: i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
            }
        })
        .collect()
}
