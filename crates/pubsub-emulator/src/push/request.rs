//! The request of one delivery.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::{Client, Form, PushTarget};
use crate::proto::PubsubMessage;
use crate::text;

/// `attempt` is 0 where deliveries are not counted.
pub(super) fn request(
    client: &Client,
    target: &PushTarget,
    message: &PubsubMessage,
    attempt: u32,
) -> RequestBuilder {
    let post = client.post(&target.endpoint);
    match target.form {
        Form::Wrapped => post
            .header(CONTENT_TYPE, "application/json")
            .body(wrapped(target, message, attempt).to_string()),
        Form::Bare { metadata: false } => post.body(message.data.clone()),
        Form::Bare { metadata: true } => post
            .headers(metadata(&target.subscription, message))
            .body(message.data.clone()),
    }
}

/// Both spellings of the id and the time, as the service sends them.
fn wrapped(target: &PushTarget, message: &PubsubMessage, attempt: u32) -> Value {
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
    if attempt > 0 {
        outer.insert("deliveryAttempt".into(), attempt.into());
    }
    outer.into()
}

/// Every attribute as a header, and what else there is to know of the message. An attribute that
/// cannot be a header, or would change how the body is framed, is left out.
fn metadata(subscription: &str, message: &PubsubMessage) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (key, value) in &message.attributes {
        if !matches!(
            key.to_ascii_lowercase().as_str(),
            "content-length" | "transfer-encoding" | "host" | "connection"
        ) {
            set(&mut headers, key, value);
        }
    }
    set(
        &mut headers,
        "x-goog-pubsub-message-id",
        &message.message_id,
    );
    set(
        &mut headers,
        "x-goog-pubsub-publish-time",
        &publish_time(message),
    );
    set(
        &mut headers,
        "x-goog-pubsub-subscription-name",
        subscription,
    );
    if !message.ordering_key.is_empty() {
        set(&mut headers, "x-goog-ordering-key", &message.ordering_key);
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
