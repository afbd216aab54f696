//! What the forms of an event have in common: named attributes, and data as they came.

use std::collections::BTreeMap;

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
    let (id, source, kind) = (take("id")?, take("source")?, take("type")?);
    let time = match attributes.remove("time") {
        Some(text) => text
            .parse()
            .map_err(|_| format!("time is {text:?}, which is none"))?,
        // It is optional. Nothing is older than an event that does not say when it was.
        None => Timestamp::UNIX_EPOCH,
    };
    attributes.retain(|name, value| name != DATA_TYPE || !data::is_plain_json(value));
    Ok(Event {
        id,
        source,
        kind,
        time,
        extensions: attributes,
        data,
    })
}
