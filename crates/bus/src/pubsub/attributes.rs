//! Events as Pub/Sub messages: the binary mode of CloudEvents in attributes
//! (<https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md>), named `ce-…` as HTTP headers are,
//! so that a push without wrapper, which makes headers of attributes, delivers the event over HTTP.

use std::collections::HashMap;

use farm_model::Timestamp;
use farm_model::event::{Event, MAX_EVENT_BYTES};
use google_cloud_pubsub::model::Message;

use crate::error::PublishError;

/// Prefix of attributes that are the event's.
const PREFIX: &str = "ce-";
/// The service's limit on one attribute's value (<https://cloud.google.com/pubsub/quotas#resource_limits>).
pub(super) const MAX_VALUE: usize = 1024;
/// The service takes 100 attributes; some are left for what dead letters add.
pub(super) const MAX_ATTRIBUTES: usize = 90;

/// The message that carries `event` to `topic`.
///
/// # Errors
/// [`PublishError::Never`]: it is too large, or has a text that no attribute or header can carry.
pub(super) fn encode(topic: &str, event: &Event) -> Result<Message, PublishError> {
    check(event).map_err(|reason| PublishError::Never {
        id: event.id.clone(),
        topic: topic.to_owned(),
        reason,
    })?;
    Ok(message_of(event))
}

/// The same without checks: for events that were delivered.
pub(super) fn message_of(event: &Event) -> Message {
    let attributes = named(event).map(|(name, value)| (format!("{PREFIX}{name}"), value));
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    Message::new()
        .set_data(event.data.clone())
        .set_attributes(attributes.chain([kind]))
}

fn named(event: &Event) -> impl Iterator<Item = (&str, String)> {
    let fixed = [
        ("specversion", "1.0".to_owned()),
        ("id", event.id.clone()),
        ("source", event.source.clone()),
        ("type", event.kind.clone()),
        ("time", event.time.to_string()),
    ];
    let extensions = event.extensions.iter();
    fixed
        .into_iter()
        .chain(extensions.map(|(name, value)| (name.as_str(), value.clone())))
}

fn check(event: &Event) -> Result<(), String> {
    if event.size() > MAX_EVENT_BYTES {
        return Err(format!(
            "it takes {} bytes, and {MAX_EVENT_BYTES} are allowed: put the data in a blob and refer to it",
            event.size()
        ));
    }
    if event.extensions.len() + 6 > MAX_ATTRIBUTES {
        return Err(format!("it has {} extensions", event.extensions.len()));
    }
    for name in event.extensions.keys() {
        check_name(name)?;
    }
    named(event).try_for_each(|(name, value)| check_value(name, &value))
}

/// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions>
fn check_name(name: &str) -> Result<(), String> {
    const RESERVED: [&str; 6] = ["specversion", "id", "source", "type", "time", "data"];
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() || name.len() > 200 || !name.bytes().all(fits) {
        return Err(format!(
            "the extension {name:?} is not named in lower-case letters and digits"
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name} is no name for an extension"));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > MAX_VALUE {
        return Err(format!(
            "{name} has {} bytes; 1 to {MAX_VALUE} fit",
            value.len()
        ));
    }
    if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(format!("{name} has characters that no header can carry"));
    }
    Ok(())
}

/// The event that `message` carries.
///
/// # Errors
/// What is missing or wrong, for the log: it is no CloudEvent in binary mode.
pub(super) fn decode(message: &Message) -> Result<Event, String> {
    let attributes = &message.attributes;
    let version = required(attributes, "specversion")?;
    if version != "1.0" {
        return Err(format!("its specversion is {version:?}, not 1.0"));
    }
    let data = std::str::from_utf8(&message.data).map_err(|_| "its data is not UTF-8")?;
    Ok(Event {
        id: required(attributes, "id")?,
        source: required(attributes, "source")?,
        kind: required(attributes, "type")?,
        time: time(message)?,
        extensions: extensions(attributes),
        data: data.to_owned(),
    })
}

fn required(attributes: &HashMap<String, String>, name: &str) -> Result<String, String> {
    let value = attributes.get(&format!("{PREFIX}{name}"));
    value
        .filter(|value| !value.is_empty())
        .cloned()
        .ok_or_else(|| format!("it has no attribute {PREFIX}{name}"))
}

/// When it was said; an event that does not say so was said when it was published.
fn time(message: &Message) -> Result<Timestamp, String> {
    if let Some(text) = message.attributes.get("ce-time") {
        return text
            .parse()
            .map_err(|_| format!("its time is {text:?}, which is none"));
    }
    let published = message.publish_time.unwrap_or_default();
    Timestamp::new(published.seconds(), published.nanos())
        .map_err(|error| format!("its time of publishing is none: {error}"))
}

fn extensions(attributes: &HashMap<String, String>) -> std::collections::BTreeMap<String, String> {
    const OURS: [&str; 5] = ["specversion", "id", "source", "type", "time"];
    attributes
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)))
        .filter(|(name, _)| !OURS.contains(name))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
