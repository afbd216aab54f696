//! Events as Pub/Sub messages: the binary mode of CloudEvents in attributes
//! (<https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md>), named `ce-…` as HTTP headers are,
//! so that a push without wrapper, which makes headers of attributes, delivers the event over HTTP.

use std::collections::HashMap;

use farm_model::Timestamp;
use farm_model::event::Event;
use google_cloud_pubsub::model::Message;

use crate::error::PublishError;
use crate::rules;

/// Prefix of attributes that are the event's.
const PREFIX: &str = "ce-";

/// The message that carries `event` to `topic`.
///
/// # Errors
/// [`PublishError::Never`]: it is too large, or has a text that no attribute or header can carry.
pub(super) fn encode(topic: &str, event: &Event) -> Result<Message, PublishError> {
    rules::check(topic, event)?;
    Ok(message_of(event))
}

/// The same without checks: for events that were delivered.
pub(super) fn message_of(event: &Event) -> Message {
    let attributes = rules::named(event).map(|(name, value)| (format!("{PREFIX}{name}"), value));
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    Message::new()
        .set_data(event.data.clone())
        .set_attributes(attributes.chain([kind]))
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
