//! What Pub/Sub push posts: <https://cloud.google.com/pubsub/docs/push#receive_push>.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farm_model::event::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{self, Attributes, DATA_TYPE};
use super::background::PUBLISHED;
use super::binary::PREFIX;
use super::data::Kind;

/// A message; Google's own emulator says some names in both ways.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    message_id: Option<String>,
    publish_time: Option<String>,
}

/// The event that the push `body` makes of its member `message`: the one that the message carries in its attributes, or else
/// one that tells of the message.
///
/// # Errors
/// What is missing or wrong, for the sender.
pub(super) fn read(body: &str, message: &RawValue) -> Result<Event, String> {
    let message: Message = serde_json::from_str(message.get())
        .map_err(|error| format!("message is none of Pub/Sub: {error}"))?;
    if message
        .attributes
        .keys()
        .any(|name| name.starts_with(PREFIX))
    {
        carried(message)
    } else {
        told(message, body)
    }
}

fn carried(mut message: Message) -> Result<Event, String> {
    let bytes = STANDARD.decode(&message.data);
    let bytes = bytes.map_err(|_| "message.data is not base64".to_owned())?;
    let data_type = message.attributes.remove("content-type");
    let kind = Kind::of(data_type.as_deref());
    let named = message.attributes.into_iter();
    let named =
        named.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)));
    let mut attributes: Attributes = named.collect();
    attributes.remove(DATA_TYPE);
    attributes.extend(data_type.map(|kind| (DATA_TYPE.to_owned(), kind)));
    attributes::event(attributes, kind.read(&bytes)?)
}

#[derive(Deserialize)]
struct Subscribed {
    subscription: String,
}

/// As Eventarc tells of a message, but for the source: a push does not say which topic it was published to.
fn told(message: Message, body: &str) -> Result<Event, String> {
    let Subscribed { subscription } = serde_json::from_str(body)
        .map_err(|_| "the push does not say which subscription it is of".to_owned())?;
    let source = format!("//pubsub.googleapis.com/{subscription}");
    let given = [
        ("specversion", Some("1.0".to_owned())),
        ("id", message.message_id),
        ("source", Some(source)),
        ("type", Some(PUBLISHED.to_owned())),
        ("time", message.publish_time),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    attributes::event(given.collect(), body.to_owned())
}
