//! The CloudEvent that a queue-triggered function receives as `POST /`, whoever delivers it: in binary mode (also Pub/Sub
//! push without wrapper), in structured mode, wrapped by Pub/Sub push, or as a background event of Google's first functions.

mod attributes;
mod background;
mod binary;
mod data;
mod push;
mod structured;

use std::error::Error as _;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::LengthLimitError;

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

/// Parses any of the forms. Data of any type is JSON in the event: text is a string, other bytes are one in base64, and the
/// extension `datacontenttype` says so. `subject` and `dataschema` stand among the extensions, too.
///
/// # Errors
/// A text for the sender.
pub fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Event, String> {
    if headers.contains_key("ce-specversion") {
        return binary::read(headers, body);
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
        _ => other(body),
    }
}

/// The event in structured mode.
///
/// # Errors
/// A text for the sender.
pub(crate) fn structured(body: &[u8]) -> Result<Event, String> {
    structured::read(body)
}

/// What came before CloudEvents.
fn other(body: &[u8]) -> Result<Event, String> {
    let text = std::str::from_utf8(body).map_err(|_| NONE.to_owned())?;
    let members: structured::Members = serde_json::from_str(text).map_err(|_| NONE.to_owned())?;
    if let Some(message) = members.get("message") {
        push::read(text, message)
    } else if background::is_one(&members) {
        background::read(text, &members)
    } else {
        Err(NONE.to_owned())
    }
}

const NONE: &str =
    "neither a CloudEvent (binary or structured) nor a Pub/Sub push message nor a background event";

/// `event` in binary mode: headers and a body.
///
/// # Errors
/// It has a name that no header can carry, or data that is not of its type.
pub(crate) fn binary(event: &Event) -> Result<(HeaderMap, Vec<u8>), String> {
    binary::written(event)
}

/// An event in structured mode, as a body of type `application/cloudevents+json`.
///
/// # Errors
/// Its data is not of its type, which that of our own events always is.
pub fn structured_json(event: &Event) -> serde_json::Result<Vec<u8>> {
    structured::written(event)
}

#[cfg(test)]
mod tests;
