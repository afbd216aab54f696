//! Raw webhooks as they were received.

use bytes::Bytes;
use farm_model::Timestamp;
use farm_model::id::DeliveryId;
use object_store::PutPayload;
use serde_json::{Map, Value};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored, hour};

/// Larger than any webhook: GitHub's end at 25 MB, and functions refuse far earlier.
const LARGEST: u64 = 64 << 20;

/// A stored delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// When it was received.
    pub received: Timestamp,
    /// Its headers as they were given; null where none were.
    pub headers: Value,
    /// Its body, to the byte.
    pub body: Bytes,
}

impl Bucket {
    /// Stores a delivery from `source` (`github`) that was received `at`. It is durable when this answers. The same id
    /// again in the same hour is [`Stored::AlreadyThere`].
    ///
    /// # Errors
    /// [`BucketError`]; also when `headers_json` is not JSON.
    pub async fn put_delivery(
        &self,
        source: &str,
        at: Timestamp,
        id: &DeliveryId,
        headers_json: Option<&str>,
        body: Bytes,
    ) -> Result<Stored, BucketError> {
        let key = delivery_key(source, at, id)?;
        let headers = serde_json::from_str(headers_json.unwrap_or("null"));
        let headers = headers.map_err(|error| damaged(&key, &error))?;
        let payload = PutPayload::from_iter([first_line(at, headers), body]);
        self.create(&key, payload, Wait::ForDisk).await
    }

    /// A delivery that was received in the hour of `at`.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_delivery(
        &self,
        source: &str,
        at: Timestamp,
        id: &DeliveryId,
    ) -> Result<Option<Delivery>, BucketError> {
        let key = delivery_key(source, at, id)?;
        match self.get(&key).await? {
            Some(found) => parse(&key, self.read(&key, found, LARGEST).await?).map(Some),
            None => Ok(None),
        }
    }

    /// The first `limit` deliveries of the hour of `at` after `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn list_deliveries(
        &self,
        source: &str,
        at: Timestamp,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, BucketError> {
        let prefix = hour_key(source, at)?;
        let after = after.map(DeliveryId::as_str);
        let names = self.list(&prefix, after, limit).await?;
        Ok(names.into_keys().filter_map(|id| id.parse().ok()).collect())
    }
}

fn hour_key(source: &str, at: Timestamp) -> Result<Key, BucketError> {
    if source.contains('/') {
        return Err(BucketError::Key {
            key: source.chars().take(200).collect(),
            rule: "the source of a delivery is one part, without /",
        });
    }
    Key::new(&format!("deliveries/{source}/{}", hour::name(at)))
}

fn delivery_key(source: &str, at: Timestamp, id: &DeliveryId) -> Result<Key, BucketError> {
    Key::new(&format!("{}/{id}", hour_key(source, at)?))
}

/// What is not the body goes before it, on one line: stores differ in attributes, and one object is there or not.
fn first_line(at: Timestamp, headers: Value) -> Bytes {
    let line = Map::from_iter([
        ("received".to_owned(), Value::String(at.to_string())),
        ("headers".to_owned(), headers),
    ]);
    Bytes::from(format!("{}\n", Value::Object(line)))
}

fn parse(key: &Key, mut bytes: Bytes) -> Result<Delivery, BucketError> {
    let end = bytes.iter().position(|b| *b == b'\n');
    let end = end.ok_or_else(|| damaged(key, &"it has no first line"))?;
    let line = bytes.split_to(end + 1);
    let mut line: Map<String, Value> =
        serde_json::from_slice(&line).map_err(|error| damaged(key, &error))?;
    let received = line.get("received").and_then(Value::as_str).unwrap_or("");
    Ok(Delivery {
        received: received.parse().map_err(|error| damaged(key, &error))?,
        headers: line.remove("headers").unwrap_or(Value::Null),
        body: bytes,
    })
}

fn damaged(key: &Key, reason: &dyn std::fmt::Display) -> BucketError {
    BucketError::Damaged {
        key: key.to_string(),
        reason: reason.to_string(),
    }
}
