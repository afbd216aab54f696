//! The request of one delivery.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::{Client, Form, PushTarget};
use crate::broker::Opened;
use crate::proto::PubsubMessage;
use crate::text;

/// The post of a delivery, with a token if there is one.
pub(super) fn request(
    client: &Client,
    target: &PushTarget,
    delivery: &Opened,
    token: Option<&str>,
) -> RequestBuilder {
    let message = &delivery.message;
    let mut headers = match target.form {
        Form::Wrapped => [(CONTENT_TYPE, HeaderValue::from_static("application/json"))]
            .into_iter()
            .collect(),
        Form::Bare { metadata: false } => HeaderMap::new(),
        Form::Bare { metadata: true } => metadata(&target.subscription, delivery),
    };
    if let Some(token) = token {
        set(&mut headers, "authorization", &format!("Bearer {token}"));
    }
    let post = client.post(&target.endpoint).headers(headers);
    match target.form {
        Form::Wrapped => post.body(wrapped(target, delivery).to_string()),
        Form::Bare { .. } => post.body(message.data.clone()),
    }
}

/// Both spellings of the id and the time, as the service sends them.
fn wrapped(target: &PushTarget, delivery: &Opened) -> Value {
    let message = &delivery.message;
    let time = publish_time(message);
    let mut inner = Map::new();
    inner.insert("data".into(), STANDARD.encode(&message.data).into());
    if !message.attributes.is_empty() {
        inner.insert("attributes".into(), json!(message.attributes));
    }
    for name in ["messageId", "message_id"] {
        inner.insert(name.into(), message.message_id.clone().into());
    }
    for name in ["publishTime", "publish_time"] {
        inner.insert(name.into(), time.clone().into());
    }
    if !message.ordering_key.is_empty() {
        inner.insert("orderingKey".into(), message.ordering_key.clone().into());
    }
    let mut outer = Map::new();
    outer.insert("message".into(), inner.into());
    outer.insert("subscription".into(), target.subscription.clone().into());
    if delivery.attempt > 0 {
        outer.insert("deliveryAttempt".into(), delivery.attempt.into());
    }
    outer.into()
}

/// Every attribute as a header, and what else there is to know of the message. An attribute that
/// cannot be a header, or would change how the body is framed, is left out.
///
/// Reference: <https://cloud.google.com/pubsub/docs/payload-unwrapping>. Google's emulator calls the
/// ordering key `x-goog-ordering-key`: it is sent under both names.
fn metadata(subscription: &str, delivery: &Opened) -> HeaderMap {
    let message = &delivery.message;
    let mut headers = HeaderMap::new();
    for (key, value) in &message.attributes {
        if !matches!(
            key.to_ascii_lowercase().as_str(),
            "content-length" | "transfer-encoding" | "host" | "connection"
        ) {
            set(&mut headers, key, value);
        }
    }
    let (time, attempt) = (publish_time(message), delivery.attempt.to_string());
    for (name, value, known) in [
        ("x-goog-pubsub-message-id", &message.message_id, true),
        ("x-goog-pubsub-publish-time", &time, true),
        (
            "x-goog-pubsub-subscription-name",
            &subscription.to_owned(),
            true,
        ),
        (
            "x-goog-pubsub-ordering-key",
            &message.ordering_key,
            !message.ordering_key.is_empty(),
        ),
        (
            "x-goog-ordering-key",
            &message.ordering_key,
            !message.ordering_key.is_empty(),
        ),
        (
            "x-goog-pubsub-delivery-attempt",
            &attempt,
            delivery.attempt > 0,
        ),
    ] {
        if known {
            set(&mut headers, name, value);
        }
    }
    headers
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_bytes(value.as_bytes()),
    ) else {
        tracing::debug!(name, "an attribute cannot be a header");
        return;
    };
    headers.insert(name, value);
}

fn publish_time(message: &PubsubMessage) -> String {
    message
        .publish_time
        .as_ref()
        .map(text::timestamp)
        .unwrap_or_default()
}
