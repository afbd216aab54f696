//! Taking messages: streams, pulls and push endpoints.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::ack_id::AckId;
use super::messages::Body;
use super::settings;
use super::state::{PULLS, State};
use super::subscription::{Signals, Subscription};
use super::{Broker, Outcome};
use crate::clock::Moment;
use crate::disturbance::Fate;
use crate::encoded::{Encoded, ReceivedMessage};
use crate::lease::{ConsumerId, Flow, Taken, Token};
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::store::catalog::SubscriptionId;

/// Of messages that are handed over together.
const MOST_BYTES: u64 = 4 << 20;

/// A consumer of one subscription. When it is dropped, what it has is ready for others at once.
#[derive(Debug)]
pub(crate) struct Consumer {
    broker: Arc<Broker>,
    name: String,
    subscription: SubscriptionId,
    id: ConsumerId,
    /// A client is connected: that alone keeps the subscription from expiring.
    stream: bool,
    signals: Arc<Signals>,
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
    message: Encoded,
}

/// A delivery to be looked into.
#[derive(Debug)]
pub(crate) struct Opened {
    /// As in [`Delivery`].
    pub attempt: u32,
    pub message: PubsubMessage,
}

impl Delivery {
    pub fn open(&self) -> std::io::Result<Opened> {
        Ok(Opened {
            attempt: self.attempt,
            message: self.message.decode()?,
        })
    }
}

/// Leases whose messages may still be on disk.
#[derive(Debug)]
pub(crate) struct Batch(Vec<(SubscriptionId, Taken, Body)>);

/// What a consumer finds.
enum Found {
    Batch(Batch),
    Nothing,
    /// It has as much as it may.
    Full,
}

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
        found.check_attached()?;
        let flow = flow(found.ack_deadline());
        let stream = settings::push_endpoint(&found.config).is_none();
        found.streams += usize::from(stream);
        found.leases.open(id, flow);
        Ok(Consumer {
            broker: Arc::clone(self),
            name: name.to_owned(),
            subscription,
            id,
            stream,
            signals: Arc::clone(&found.signals),
            end: found.end.clone(),
        })
    }

    /// Refuses pulling from a push or detached subscription, as the service does.
    pub fn check_pullable(&self, name: &str) -> Result<(), Refusal> {
        let state = &mut *self.state.lock();
        let id = state.find(name)?;
        let found = state.get_mut(id)?;
        found.check_attached()?;
        match settings::push_endpoint(&found.config) {
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
        let now = self.clock.now();
        let (subscription, signals, end) = {
            let state = &mut *self.state.lock();
            let subscription = state.find(name)?;
            let found = state.get_mut(subscription)?;
            found.touch(now);
            (subscription, Arc::clone(&found.signals), found.end.clone())
        };
        let waiting = self.take_some(name, subscription, PULLS, most, &signals, &end);
        match tokio::time::timeout(patience, waiting).await {
            Ok(batch) => Ok(received(fill(batch?).await?)),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Why the consumers of a subscription had to go.
    fn ended(&self, name: &str) -> Refusal {
        match self.check_pullable(name) {
            Err(refusal) => refusal,
            Ok(()) => Refusal::unavailable("the subscription was changed: begin again"),
        }
    }

    /// Waits until there is something to take. Nothing is taken if it is dropped before its end.
    async fn take_some(
        &self,
        name: &str,
        subscription: SubscriptionId,
        id: ConsumerId,
        most: usize,
        signals: &Signals,
        end: &CancellationToken,
    ) -> Result<Batch, Refusal> {
        loop {
            let room = signals.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.closing.is_cancelled() {
                return Err(Refusal::shutting_down());
            }
            if end.is_cancelled() {
                return Err(self.ended(name));
            }
            let found = async {
                match self.take_or_wait(subscription, id, most, signals).await {
                    Some(Found::Full) => room.await,
                    found => return found,
                }
                Some(Found::Nothing)
            };
            tokio::select! {
                found = found => match found {
                    Some(Found::Batch(batch)) => return Ok(batch),
                    Some(Found::Nothing | Found::Full) => {}
                    None => return Err(self.ended(name)),
                },
                () = end.cancelled() => return Err(self.ended(name)),
                () = self.closing.cancelled() => return Err(Refusal::shutting_down()),
            }
        }
    }

    /// Takes what there is; if there is nothing, waits until something may have come. `None` if the
    /// subscription is gone.
    async fn take_or_wait(
        &self,
        subscription: SubscriptionId,
        id: ConsumerId,
        most: usize,
        signals: &Signals,
    ) -> Option<Found> {
        let arrival = signals.arrivals.notified();
        tokio::pin!(arrival);
        let called = arrival.as_mut().enable();
        let found = self.take(subscription, id, most)?;
        match found {
            Found::Batch(_) => {}
            Found::Nothing => arrival.await,
            // The call was for somebody who has room.
            Found::Full if called => signals.arrivals.notify_one(),
            Found::Full => {}
        }
        Some(found)
    }

    /// `None` if the subscription is gone.
    fn take(&self, subscription: SubscriptionId, id: ConsumerId, most: usize) -> Option<Found> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let found = state.subscriptions.get_mut(&subscription)?;
        let counted = found.config.dead_letter_policy.is_some();
        let mut taken = found.leases.take(id, most, MOST_BYTES, now);
        if taken.is_empty() {
            let full = found.leases.is_full(id);
            return Some(if full { Found::Full } else { Found::Nothing });
        }
        found.wake_next();
        self.disturb(found, &mut taken, now);
        self.remind(state, subscription);
        let with_body = |mut taken: Taken| {
            taken.attempt = if counted { taken.attempt } else { 0 };
            let body = state.messages.body(taken.seq)?;
            Some((subscription, taken, body))
        };
        let batch: Vec<_> = taken.into_iter().filter_map(with_body).collect();
        Some(if batch.is_empty() {
            Found::Nothing
        } else {
            Found::Batch(Batch(batch))
        })
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

    fn close_consumer(self: &Arc<Self>, consumer: &Consumer) {
        let now = self.clock.now();
        let state: &mut State = &mut self.state.lock();
        if let Some(found) = state.subscriptions.get_mut(&consumer.subscription) {
            found.leases.close(consumer.id);
            if consumer.stream {
                found.streams -= 1;
                found.touch(now);
            }
            self.follow_up(state, consumer.subscription);
        }
    }
}

impl Consumer {
    /// Waits for messages and leases them. Leases nothing if it is dropped before its end.
    pub async fn take(&self, most: usize) -> Result<Batch, Refusal> {
        let (name, id) = (&self.name, self.subscription);
        self.broker
            .take_some(name, id, self.id, most, &self.signals, &self.end)
            .await
    }

    /// Whether the subscription delivers exactly once, at the moment.
    pub fn exactly_once(&self) -> bool {
        let state = &*self.broker.state.lock();
        let found = state.subscriptions.get(&self.subscription);
        found.is_some_and(|found| found.leases.exactly_once())
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
        self.broker.close_consumer(self);
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
                message: delivery.message.into_bytes(),
                delivery_attempt: i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
            }
        })
        .collect()
}
