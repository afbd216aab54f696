//! The data of an event is JSON here, whatever it was on its way: text is a JSON string, and bytes that are neither are one in
//! base64. What it was its type says, the attribute `datacontenttype`, so that it goes on as it came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farm_model::event::Event;
use serde_json::value::RawValue;

use super::attributes::DATA_TYPE;

/// Data that there is none of.
pub(super) const NONE: &str = "null";

/// The type of data that does not say one.
pub(super) const JSON: &str = "application/json";

/// What data of some media type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Text,
    Bytes,
}

impl Kind {
    /// Of a media type, with or without parameters; without any it is JSON.
    pub(super) fn of(media_type: Option<&str>) -> Self {
        let kind = essence(media_type.unwrap_or(JSON));
        let (top, sub) = kind.split_once('/').unwrap_or((&kind, ""));
        if sub == "json" || sub.ends_with("+json") {
            Self::Json
        } else if top == "text" || sub == "xml" || sub.ends_with("+xml") {
            Self::Text
        } else {
            Self::Bytes
        }
    }

    /// Of the data of `event`.
    pub(super) fn of_event(event: &Event) -> Self {
        Self::of(event.extensions.get(DATA_TYPE).map(String::as_str))
    }

    /// These bytes as JSON text. No bytes are no data.
    ///
    /// # Errors
    /// They are not what their type says.
    pub(super) fn read(self, bytes: &[u8]) -> Result<String, String> {
        if bytes.is_empty() {
            return Ok(NONE.to_owned());
        }
        if self == Self::Bytes {
            return quoted(&STANDARD.encode(bytes));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "the data is not UTF-8".to_owned())?;
        if self == Self::Text {
            return quoted(text);
        }
        serde_json::from_str::<&RawValue>(text)
            .map_err(|error| format!("the data is not JSON: {error}"))?;
        Ok(text.to_owned())
    }

    /// Data that stands as JSON in an event in structured mode. Where its type is another, a string is its text, and anything
    /// else has its own JSON as text
    /// (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#31-handling-of-data>).
    ///
    /// # Errors
    /// Never: what is JSON is text.
    pub(super) fn read_json(self, value: &RawValue) -> Result<String, String> {
        let json = value.get();
        if self == Self::Json || json == NONE {
            return Ok(json.to_owned());
        }
        let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
        self.read(text.as_bytes())
    }
}

/// The data of `event` as bytes of its type.
///
/// # Errors
/// It is none of that type, which that of an event read here always is.
pub(super) fn bytes(event: &Event) -> Result<Vec<u8>, String> {
    let kind = Kind::of_event(event);
    if kind == Kind::Json || event.data == NONE {
        return Ok(event.data.clone().into_bytes());
    }
    let text: String = serde_json::from_str(&event.data).map_err(|_| wrong(event))?;
    if kind == Kind::Text {
        return Ok(text.into_bytes());
    }
    STANDARD.decode(text).map_err(|_| wrong(event))
}

/// Whether `media_type` is JSON and nothing more.
pub(super) fn is_plain_json(media_type: &str) -> bool {
    essence(media_type) == JSON
}

/// Without parameters, as the charset.
fn essence(media_type: &str) -> String {
    let kind = media_type.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

fn quoted(text: &str) -> Result<String, String> {
    serde_json::to_string(text).map_err(|error| error.to_string())
}

fn wrong(event: &Event) -> String {
    format!("the data of the event {} is not of its type", event.id)
}
