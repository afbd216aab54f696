//! The CloudEvent that a queue-triggered function receives as `POST /`, whoever delivers it: in binary mode (also Pub/Sub
//! push without wrapper), in structured mode, or wrapped by Pub/Sub push.

use std::collections::BTreeMap;
use std::error::Error as _;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cloudevents::{AttributesReader, Data};
use http_body_util::LengthLimitError;
use serde::Deserialize;

use farm_model::Timestamp;
use farm_model::event::{Event, MAX_EVENT_BYTES};

use crate::failure::Failure;

/// A body may be this large: base64 and a wrapper around the largest event.
const MAX_BODY: usize = MAX_EVENT_BYTES * 2;

/// The extractor. What is no CloudEvent is answered 400, what is too large 413.
#[derive(Debug)]
pub struct CloudEvent(pub Event);

impl<S: Send + Sync> FromRequest<S> for CloudEvent {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await;
        let body = body.map_err(|error| unread(&error))?;
        let event = parse(&parts.headers, &body);
        event
            .map(Self)
            .map_err(|text| Failure::never(StatusCode::BAD_REQUEST, text))
    }
}

fn unread(error: &axum::Error) -> Failure {
    if error
        .source()
        .is_some_and(|cause| cause.is::<LengthLimitError>())
    {
        let text = format!("an event takes at most {MAX_BODY} bytes");
        Failure::never(StatusCode::PAYLOAD_TOO_LARGE, text)
    } else {
        Failure::never(StatusCode::BAD_REQUEST, "the body did not arrive whole")
    }
}

/// Parses any of the three forms.
///
/// # Errors
/// A text for the sender.
pub fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Event, String> {
    if headers.contains_key("ce-specversion") {
        return binary(headers, body);
    }
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // What follows ';' is the charset.
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/cloudevents+json" => structured(body),
        "application/cloudevents-batch+json" => {
            Err("send events one at a time, not in batches".to_owned())
        }
        _ => wrapped(body),
    }
}

fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Event, String> {
    let mut attributes = BTreeMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else {
            continue;
        };
        let value = value
            .to_str()
            .map_err(|_| format!("the header ce-{name} is not plain ASCII"))?;
        attributes.insert(name.to_owned(), value.to_owned());
    }
    from_attributes(attributes, body)
}

fn from_attributes(mut attributes: BTreeMap<String, String>, data: &[u8]) -> Result<Event, String> {
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
    Ok(Event {
        id,
        source,
        kind,
        time,
        extensions: attributes,
        data: text(data)?,
    })
}

/// Data as JSON text; that of an event without data is `null`.
fn text(data: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(data) {
        Ok("") => Ok("null".to_owned()),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err("the data is not UTF-8".to_owned()),
    }
}

/// The event in structured mode.
///
/// # Errors
/// A text for the sender.
pub(crate) fn structured(body: &[u8]) -> Result<Event, String> {
    let event: cloudevents::Event =
        serde_json::from_slice(body).map_err(|error| format!("no CloudEvent: {error}"))?;
    let data = match event.data() {
        Some(Data::Json(value)) => value.to_string(),
        Some(Data::String(data)) => data.clone(),
        Some(Data::Binary(data)) => text(data)?,
        None => "null".to_owned(),
    };
    let time = event.time().and_then(|time| time.to_rfc3339().parse().ok());
    let extensions = event.iter_extensions();
    Ok(Event {
        id: event.id().to_owned(),
        source: event.source().clone(),
        kind: event.ty().to_owned(),
        time: time.unwrap_or(Timestamp::UNIX_EPOCH),
        extensions: extensions
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect(),
        data,
    })
}

/// `event` in binary mode, without its data, which is the body.
///
/// # Errors
/// It has a name or value that no header can carry.
pub(crate) fn headers(event: &Event) -> Result<HeaderMap, String> {
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
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    for (name, value) in fixed.into_iter().chain(extensions) {
        let (Ok(key), Ok(value)) = (
            HeaderName::try_from(format!("ce-{name}")),
            HeaderValue::try_from(value),
        ) else {
            return Err(format!("no header can carry the attribute {name}"));
        };
        headers.insert(key, value);
    }
    Ok(headers)
}

/// The type of the data of all events.
const JSON: &str = "application/json";

/// The body of Pub/Sub push: <https://cloud.google.com/pubsub/docs/push#receive_push>.
#[derive(Deserialize)]
struct Push {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn wrapped(body: &[u8]) -> Result<Event, String> {
    let push: Push = serde_json::from_slice(body).map_err(|_| {
        "neither a CloudEvent (binary or structured) nor a Pub/Sub push message".to_owned()
    })?;
    let data = STANDARD.decode(&push.message.data);
    let data = data.map_err(|_| "message.data is not base64".to_owned())?;
    let named = push.message.attributes.into_iter();
    let attributes =
        named.filter_map(|(name, value)| Some((name.strip_prefix("ce-")?.to_owned(), value)));
    from_attributes(attributes.collect(), &data)
}

#[cfg(test)]
mod tests;
