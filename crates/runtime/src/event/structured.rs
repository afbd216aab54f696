//! Structured mode: the whole event is one JSON object
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farm_model::Timestamp;
use farm_model::event::Event;
use serde::Serialize;
use serde_json::value::RawValue;

use super::attributes::{self, Attributes, DATA_TYPE};
use super::data::{self, Kind};

/// The members of a JSON object, as they stand there.
pub(super) type Members = BTreeMap<String, Box<RawValue>>;

/// The event in `body`.
///
/// # Errors
/// What is missing or wrong, for the sender.
pub(crate) fn read(body: &[u8]) -> Result<Event, String> {
    let mut members: Members =
        serde_json::from_slice(body).map_err(|error| format!("no CloudEvent: {error}"))?;
    let (plain, encoded) = (members.remove("data"), members.remove("data_base64"));
    let attributes = attributes(members)?;
    let kind = Kind::of(attributes.get(DATA_TYPE).map(String::as_str));
    let data = match (plain, encoded) {
        (None, None) => data::NONE.to_owned(),
        (Some(data), None) => kind.read_json(&data)?,
        (None, Some(data)) => kind.read(&decoded(&data)?)?,
        (Some(_), Some(_)) => return Err("it has data and data_base64: which?".to_owned()),
    };
    attributes::event(attributes, data)
}

fn decoded(data: &RawValue) -> Result<Vec<u8>, String> {
    let text = serde_json::from_str::<String>(data.get()).ok();
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    bytes.ok_or_else(|| "data_base64 is not base64".to_owned())
}

/// Numbers and truth values are attributes as well; `null` is one that is not there.
fn attributes(members: Members) -> Result<Attributes, String> {
    let mut attributes = Attributes::new();
    for (name, value) in members {
        let json = value.get();
        let text = match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str(json).map_err(|error| error.to_string())?,
            Some(b'{' | b'[') => return Err(format!("the attribute {name} is no text")),
            _ if json == data::NONE => continue,
            _ => json.to_owned(),
        };
        attributes.insert(name, text);
    }
    Ok(attributes)
}

/// `event` as a body of type `application/cloudevents+json`.
///
/// # Errors
/// Its data is not of its type, which that of our own events always is.
pub(super) fn written(event: &Event) -> serde_json::Result<Vec<u8>> {
    let others = event.extensions.iter();
    let others = others.filter(|(name, _)| *name != DATA_TYPE);
    let kind = event.extensions.get(DATA_TYPE).map(String::as_str);
    let data: &RawValue = serde_json::from_str(&event.data)?;
    let base64 = Kind::of(kind) == Kind::Bytes && event.data != data::NONE;
    serde_json::to_vec(&Written {
        specversion: "1.0",
        id: &event.id,
        source: &event.source,
        kind: &event.kind,
        time: event.time,
        datacontenttype: kind.unwrap_or(data::JSON),
        others: others.map(|(name, value)| (&**name, &**value)).collect(),
        data: (!base64).then_some(data),
        data_base64: base64.then_some(data),
    })
}

#[derive(Serialize)]
struct Written<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    time: Timestamp,
    datacontenttype: &'a str,
    #[serde(flatten)]
    others: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<&'a RawValue>,
}
