//! What the webhooks have in common: a body is read under a limit, its delivery stored, then published, then answered.
//! What cannot be stored or published is answered 503, so that the sender offers it again.

mod ledger;

use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use farm_forge::PayloadError;
use farm_runtime::Failure;
use http_body_util::LengthLimitError;
use tokio::time::timeout;

pub(crate) use ledger::{Ledger, Received};

/// The largest body, which is below Lambda's limit once it is wrapped in base64. What is larger is found at the source by
/// the next reading.
pub(crate) const LARGEST: usize = 4 << 20;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// All of a body that is not larger than [`LARGEST`]. Nothing of it has been looked at.
pub(crate) async fn read(body: Body) -> Result<Bytes, Failure> {
    match timeout(ARRIVAL, to_bytes(body, LARGEST)).await {
        Ok(read) => read.map_err(|error| unread(&error)),
        Err(_) => Err(Failure::never(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

fn unread(error: &axum::Error) -> Failure {
    if error
        .source()
        .is_some_and(|cause| cause.is::<LengthLimitError>())
    {
        let text = format!("a delivery takes at most {LARGEST} bytes");
        Failure::never(StatusCode::PAYLOAD_TOO_LARGE, text)
    } else {
        Failure::never(StatusCode::BAD_REQUEST, "the body did not arrive whole")
    }
}

/// A header's text; none if it is missing or not plain ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A payload that cannot be read never can be.
pub(crate) fn unreadable(error: &PayloadError) -> Failure {
    Failure::never(StatusCode::BAD_REQUEST, error.to_string())
}
