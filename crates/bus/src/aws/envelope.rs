//! Events as the body of a message: the structured mode of CloudEvents
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).

use std::collections::{BTreeMap, HashMap};

use farm_model::Timestamp;
use farm_model::event::{Event, HUB_EXTENSION};
use serde_json::value::RawValue;

use crate::rules;

const CONTENT_TYPE: &str = "application/cloudevents+json";

/// A text with attributes, as a queue carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The event's, for errors.
    pub(super) id: String,
    pub(super) body: String,
    /// Few: SNS drops a message with more than 10 where it delivers raw
    /// (<https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html>).
    pub(super) attributes: BTreeMap<String, String>,
}

impl Message {
    /// What counts towards a request's size; a type stands beside each attribute.
    pub(super) fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| name.len() + value.len() + "String".len());
        self.body.len() + attributes.sum::<usize>()
    }
}

/// The message that carries `event`.
///
/// # Errors
/// Its data is no JSON.
pub(super) fn encode(event: &Event) -> Result<Message, String> {
    let body = body(event).map_err(|error| format!("its data is no JSON: {error}"))?;
    Ok(Message {
        id: event.id.clone(),
        body: printable(body),
        attributes: attributes(event),
    })
}

/// What subscribers of their own may filter by.
fn attributes(event: &Event) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::from([
        ("content-type".to_owned(), CONTENT_TYPE.to_owned()),
        ("ce-type".to_owned(), event.kind.clone()),
    ]);
    if let Some(hub) = event.extensions.get(HUB_EXTENSION) {
        attributes.insert(format!("ce-{HUB_EXTENSION}"), hub.clone());
    }
    attributes
}

fn body(event: &Event) -> Result<String, serde_json::Error> {
    let text = |value: String| serde_json::value::to_raw_value(&value);
    let mut members = BTreeMap::new();
    for (name, value) in rules::named(event) {
        members.insert(name, text(value)?);
    }
    members.insert("datacontenttype", text("application/json".to_owned())?);
    members.insert("data", RawValue::from_string(event.data.clone())?);
    serde_json::to_string(&members)
}

/// Two characters that JSON allows and these queues do not
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>); in JSON they can only stand
/// inside a string. Control characters are escaped there already.
fn printable(json: String) -> String {
    const FORBIDDEN: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if json.contains(FORBIDDEN) {
        json.replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// The event in `body`, which was sent at `sent`.
///
/// # Errors
/// What is missing or wrong, for the log: it is no CloudEvent in structured mode.
pub(super) fn decode(body: &str, sent: Option<Timestamp>) -> Result<Event, String> {
    let mut members: HashMap<String, Box<RawValue>> =
        serde_json::from_str(body).map_err(|_| "it is no JSON object")?;
    let version = required(&mut members, "specversion")?;
    if version != "1.0" {
        return Err(format!("its specversion is {version:?}, not 1.0"));
    }
    let event = Event {
        id: required(&mut members, "id")?,
        source: required(&mut members, "source")?,
        kind: required(&mut members, "type")?,
        time: time(&mut members, sent)?,
        data: data(&mut members)?,
        extensions: members.into_iter().map(extension).collect(),
    };
    Ok(event)
}

type Members = HashMap<String, Box<RawValue>>;

fn required(members: &mut Members, name: &str) -> Result<String, String> {
    let value = members.remove(name);
    let value = value.and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("it has no attribute {name}"))
}

/// When it was said; an event that does not say so was said when it was sent.
fn time(members: &mut Members, sent: Option<Timestamp>) -> Result<Timestamp, String> {
    if !members.contains_key("time") {
        return Ok(sent.unwrap_or(Timestamp::UNIX_EPOCH));
    }
    let text = required(members, "time")?;
    text.parse()
        .map_err(|_| format!("its time is {text:?}, which is none"))
}

/// As it was published, to the byte.
fn data(members: &mut Members) -> Result<String, String> {
    if members.contains_key("data_base64") {
        return Err("its data is base64, and should be JSON".to_owned());
    }
    members.remove("datacontenttype");
    let data = members.remove("data");
    Ok(data.map_or_else(|| "null".to_owned(), |data| data.get().to_owned()))
}

/// Numbers and truth values are extensions as well.
fn extension((name, value): (String, Box<RawValue>)) -> (String, String) {
    let text = serde_json::from_str(value.get());
    (name, text.unwrap_or_else(|_| value.get().to_owned()))
}

#[cfg(test)]
mod tests;
