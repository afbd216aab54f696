//! Binary mode: attributes are headers, data is the body
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode>).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use farm_model::event::Event;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::attributes::{self, Attributes, DATA_TYPE};
use super::data::{self, Kind};

/// What stands before an attribute's name.
pub(super) const PREFIX: &str = "ce-";

/// What a header's value carries escaped, besides all that is not ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The event of a request.
///
/// # Errors
/// What is missing or wrong, for the sender.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Event, String> {
    let mut attributes = Attributes::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(PREFIX) {
            attributes.insert(name.to_owned(), text(name, value)?);
        }
    }
    attributes.remove(DATA_TYPE);
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        let kind = kind
            .to_str()
            .map_err(|_| "the content type is not plain ASCII")?;
        attributes.insert(DATA_TYPE.to_owned(), kind.to_owned());
    }
    let kind = Kind::of(attributes.get(DATA_TYPE).map(String::as_str));
    attributes::event(attributes, kind.read(body)?)
}

fn text(name: &str, value: &HeaderValue) -> Result<String, String> {
    let value = value
        .to_str()
        .map_err(|_| format!("the header ce-{name} is not plain ASCII"))?;
    let decoded = percent_decode_str(value).decode_utf8();
    let decoded = decoded.map_err(|_| format!("the header ce-{name} is not UTF-8"))?;
    Ok(decoded.into_owned())
}

/// `event` as headers and a body.
///
/// # Errors
/// It has a name that no header can carry, or data that is not of its type.
pub(super) fn written(event: &Event) -> Result<(HeaderMap, Vec<u8>), String> {
    let time = event.time.to_string();
    let fixed = [
        ("specversion", "1.0"),
        ("id", &event.id),
        ("source", &event.source),
        ("type", &event.kind),
        ("time", &time),
    ];
    let extensions = event.extensions.iter();
    let extensions = extensions.map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(data::JSON));
    for (name, value) in fixed.into_iter().chain(extensions) {
        let (name, value) = header_of(name, value)?;
        headers.insert(name, value);
    }
    Ok((headers, data::bytes(event)?))
}

fn header_of(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (key, value) = if name == DATA_TYPE {
        (Ok(header::CONTENT_TYPE), HeaderValue::try_from(value))
    } else {
        let escaped = utf8_percent_encode(value, ESCAPED).to_string();
        let key = HeaderName::try_from(format!("{PREFIX}{name}"));
        (key, HeaderValue::try_from(escaped))
    };
    match (key, value) {
        (Ok(key), Ok(value)) => Ok((key, value)),
        _ => Err(format!("no header can carry the attribute {name}")),
    }
}
