//! What the webhooks have in common: a body is read under a limit, its delivery stored, then published, then answered.
//! What cannot be stored or published is answered 503, so that the sender offers it again.

mod ledger;

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use farm_forge::PayloadError;
use farm_runtime::Failure;
use futures::StreamExt;
use tokio::time::timeout;

pub(crate) use ledger::{Ledger, Received};

/// The largest body, which is below Lambda's limit once it is wrapped in base64. What is larger is found at the source by
/// the next reading.
pub(crate) const LARGEST: usize = 4 << 20;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// What is heard out of a body that is too large: all that GitHub sends (25 MB). A sender that is cut off in the middle
/// sees a broken connection instead of the answer.
const HEARD_OUT: usize = 32 << 20;

/// All of a body that is not larger than [`LARGEST`]. Nothing of it has been looked at.
pub(crate) async fn read(body: Body) -> Result<Bytes, Failure> {
    match timeout(ARRIVAL, collect(body.into_data_stream())).await {
        Ok(read) => read,
        Err(_) => Err(Failure::never(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

async fn collect(mut body: BodyDataStream) -> Result<Bytes, Failure> {
    let (mut bytes, mut total) = (BytesMut::new(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| cut_off())?;
        total += chunk.len();
        if total > HEARD_OUT {
            break;
        } else if total > LARGEST {
            bytes = BytesMut::new();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if total > LARGEST {
        let text = format!("a delivery takes at most {LARGEST} bytes");
        return Err(Failure::never(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    Ok(bytes.freeze())
}

fn cut_off() -> Failure {
    Failure::never(StatusCode::BAD_REQUEST, "the body did not arrive whole")
}

/// A header's text; none if it is missing or not plain ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A payload that cannot be read never can be.
pub(crate) fn unreadable(error: &PayloadError) -> Failure {
    Failure::never(StatusCode::BAD_REQUEST, error.to_string())
}
