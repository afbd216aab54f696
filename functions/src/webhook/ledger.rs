//! A delivery is in the ledger before it is on the queue, and on the queue before it is answered.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use farm_bucket::Bucket;
use farm_bus::{Bus, PublishError};
use farm_model::event::{Event, Message};
use farm_model::id::DeliveryId;
use farm_model::message::activity::{Activity, Hint};
use farm_model::trace::TraceParent;
use farm_runtime::{Clock, Failure, Ids, Vars, trace};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tracing::Instrument;

use super::header;
use crate::doors;

/// Storing and publishing end within this: GitHub gives up after ten seconds, and then does not know.
const PATIENCE: Duration = Duration::from_secs(9);

/// Where deliveries go.
pub(crate) struct Ledger {
    bucket: Bucket,
    bus: Bus,
    clock: Clock,
    ids: Ids,
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
    /// The trace that the sender goes on with, if it does.
    pub(crate) trace: Option<TraceParent>,
}

impl Received {
    /// A delivery of which the headers named in `kept` are kept.
    pub(crate) fn new(headers: &HeaderMap, kept: &[&str], guid: Option<&str>, body: Bytes) -> Self {
        let known = |name: &&str| Some(((*name).to_owned(), header(headers, name)?.into()));
        Self {
            guid: guid.filter(|guid| guid.len() <= 100).map(str::to_owned),
            headers: Value::Object(kept.iter().filter_map(known).collect::<Map<_, _>>()),
            body,
            trace: trace::of(headers),
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
            ids: Ids::system(),
            publisher,
        })
    }

    /// Stores the delivery and publishes what it claims; both are durable when this returns. The same delivery again is
    /// published again, under the same event id: whether the first got through is not known here.
    ///
    /// # Errors
    /// What makes the sender offer it again.
    pub(crate) async fn take_in(&self, hint: Hint, received: Received) -> Result<(), Failure> {
        let span = tracing::info_span!(target: trace::TARGET, "webhook", otel.kind = "server",
            source = hint.source(), repository = hint.outside_name());
        let span = trace::under(span, received.trace.as_ref());
        let work = self.store_and_publish(hint, received).instrument(span);
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
        let span = tracing::info_span!(target: trace::TARGET, "publish activity", otel.kind = "producer", event = id);
        let parent = trace::from(&span, received.trace).unwrap_or_else(|| trace::begin(&self.ids));
        let event = Event::of(id, self.publisher, now, &activity).map_err(Failure::again)?;
        let event = event.in_trace(Some(&parent));
        let publishing = self.bus.publish(Activity::TOPIC, &event).instrument(span);
        let published = publishing.await;
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
