//! A delivery is in the ledger before it is on the queue, and on the queue before it is answered.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use farm_bucket::Bucket;
use farm_bus::{Bus, PublishError};
use farm_model::event::{Event, Message};
use farm_model::id::DeliveryId;
use farm_model::message::activity::{Activity, Hint};
use farm_runtime::{Clock, Failure, Vars};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::header;
use crate::doors;

/// Storing and publishing end within this: GitHub gives up after ten seconds, and then does not know.
const PATIENCE: Duration = Duration::from_secs(9);

/// Where deliveries go.
pub(crate) struct Ledger {
    bucket: Bucket,
    bus: Bus,
    clock: Clock,
    /// Who publishes: `/functions/github-webhook`.
    publisher: &'static str,
}

/// A delivery whose sender was verified.
pub(crate) struct Received {
    /// The sender's own id of it, outside the signature: for people only.
    pub(crate) guid: Option<String>,
    /// Headers worth keeping; never one that holds a secret.
    pub(crate) headers: Value,
    /// Every byte of the body.
    pub(crate) body: Bytes,
}

impl Received {
    /// A delivery of which the headers named in `kept` are kept.
    pub(crate) fn new(headers: &HeaderMap, kept: &[&str], guid: Option<&str>, body: Bytes) -> Self {
        let known = |name: &&str| Some(((*name).to_owned(), header(headers, name)?.into()));
        Self {
            guid: guid.filter(|guid| guid.len() <= 100).map(str::to_owned),
            headers: Value::Object(kept.iter().filter_map(known).collect::<Map<_, _>>()),
            body,
        }
    }
}

impl Ledger {
    /// The ledger and the queue that the settings name.
    pub(crate) fn open(vars: &Vars, publisher: &'static str) -> anyhow::Result<Self> {
        Ok(Self {
            bucket: doors::bucket(vars)?,
            bus: doors::bus(vars)?,
            clock: Clock::system(),
            publisher,
        })
    }

    /// Stores the delivery and publishes what it claims; both are durable when this returns. The same delivery again is
    /// published again, under the same event id: whether the first got through is not known here.
    ///
    /// # Errors
    /// What makes the sender offer it again.
    pub(crate) async fn take_in(&self, hint: Hint, received: Received) -> Result<(), Failure> {
        let work = self.store_and_publish(hint, received);
        let late = || Failure::again(format!("not stored and published within {PATIENCE:?}"));
        timeout(PATIENCE, work).await.map_err(|_| late())?
    }

    async fn store_and_publish(&self, hint: Hint, received: Received) -> Result<(), Failure> {
        let now = self.clock.now();
        let source = hint.source();
        let delivery = delivery_id(&received.body)?;
        let headers = received.headers.to_string();
        self.bucket
            .put_delivery(source, now, &delivery, Some(&headers), received.body)
            .await
            .map_err(Failure::again)?;
        let id = format!("{source}:{delivery}");
        let activity = Activity {
            delivery,
            guid: received.guid,
            received: now,
            hint,
        };
        let event = Event::of(id, self.publisher, now, &activity).map_err(Failure::again)?;
        let published = self.bus.publish(Activity::TOPIC, &event).await;
        published.map_err(|error| match error {
            PublishError::Again { .. } => Failure::again(error),
            PublishError::Never { reason, .. } => Failure::never(StatusCode::BAD_REQUEST, reason),
        })
    }
}

/// The SHA-256 of the raw body: unlike the sender's id, it is covered by the signature.
fn delivery_id(body: &[u8]) -> Result<DeliveryId, Failure> {
    let digest = hex::encode(Sha256::digest(body));
    digest.parse().map_err(Failure::again)
}
