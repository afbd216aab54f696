//! What the forms of an event have in common: named attributes, and data as they came.

use std::collections::BTreeMap;

use cloudevents::event::EventBuilderError;
use cloudevents::{AttributesReader, EventBuilder, EventBuilderV10};
use farm_model::Timestamp;
use farm_model::event::Event;

use super::data;

/// Attributes by their names in CloudEvents, as text.
pub(super) type Attributes = BTreeMap<String, String>;

/// The attribute that says what the data is. An event of ours has it where that is no JSON.
pub(super) const DATA_TYPE: &str = "datacontenttype";

/// The event that has these attributes, and `data`, JSON text. The optional attributes of the specification (`subject`,
/// `dataschema`, `datacontenttype`) stand among its extensions.
///
/// # Errors
/// What is missing or wrong, for the sender.
pub(super) fn event(mut attributes: Attributes, data: String) -> Result<Event, String> {
    let mut take = |name: &str| {
        let value = attributes.remove(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("the attribute {name} is missing"))
    };
    let version = take("specversion")?;
    if version != "1.0" {
        return Err(format!("CloudEvents version {version:?} is not 1.0"));
    }
    let named = EventBuilderV10::new()
        .id(take("id")?)
        .source(take("source")?)
        .ty(take("type")?);
    let time = attributes.remove("time");
    let named = time.iter().fold(named, |named, text| named.time(&**text));
    let named = named.build().map_err(|error| match (error, &time) {
        (EventBuilderError::ParseTimeError { .. }, Some(text)) => {
            format!("time is {text:?}, which is none")
        }
        (error, _) => error.to_string(),
    })?;
    // It is optional. Nothing is older than an event that does not say when it was.
    let time = named.time().and_then(|time| time.to_rfc3339().parse().ok());
    attributes.retain(|name, value| name != DATA_TYPE || !data::is_plain_json(value));
    Ok(Event {
        id: named.id().to_owned(),
        source: named.source().clone(),
        kind: named.ty().to_owned(),
        time: time.unwrap_or(Timestamp::UNIX_EPOCH),
        extensions: attributes,
        data,
    })
}
