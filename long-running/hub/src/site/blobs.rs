//! Blobs of the bucket for machines that cannot reach it: by token, streamed, never held as a whole.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use farm_bucket::{BlobStream, BucketError};
use farm_model::id::BlobId;
use farm_wire::blob_token;
use farm_wire::keys::MasterKey;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::range::{Part, part};
use super::{Asked, Shown, Unhurried, says};

/// Blobs that are sent at once.
pub const MAX_AT_ONCE: usize = 64;

/// For the bucket to say whether it has a blob, and for each piece of it.
const BUCKET: Duration = Duration::from_secs(30);

/// The address where `holder` (a machine's name) can fetch a blob from the hub at `hub` (`host:port`) before `expires`
/// (Unix seconds). It holds the token: it is as secret as the blob.
#[must_use]
pub fn blob_url(
    master: &MasterKey,
    hub: &str,
    blob: &BlobId,
    holder: &str,
    expires: i64,
) -> String {
    let token = blob_token::mint(master, blob.as_str(), holder, expires);
    format!("https://{hub}/blobs/{blob}?token={token}")
}

/// What lets one in.
#[derive(Deserialize)]
pub struct Shows {
    token: Option<String>,
}

/// Why there is no blob in the answer.
struct No(StatusCode, String);

/// `GET` and `HEAD`, of all of it or of one range.
pub async fn blob(
    State(asked): State<Asked>,
    Path(sha256): Path<String>,
    Query(shows): Query<Shows>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let shown = &asked.shown;
    let answer = match answer(shown, &sha256, shows.token.as_deref(), &method, &headers).await {
        Ok(answer) => answer,
        Err(No(status, text)) => says(status, &text),
    };
    shown.counts.blob(answer.status().as_u16());
    answer
}

async fn answer(
    shown: &Shown,
    sha256: &str,
    token: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, No> {
    let id: BlobId = sha256.parse().map_err(|_| {
        No(
            StatusCode::BAD_REQUEST,
            "a blob's name is its SHA-256 in 64 lower-case hex digits".to_owned(),
        )
    })?;
    let holder = admitted(shown, &id, token)?;
    let place = Arc::clone(&shown.bounds.blobs).try_acquire_owned();
    let place = place.map_err(|_| {
        No(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{MAX_AT_ONCE} blobs are being sent already; try again"),
        )
    })?;
    let size = within(shown.bucket.blob_size(&id))
        .await?
        .ok_or_else(none)?;
    let (status, range) = match part(range_field(headers, &id), size) {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Unsatisfiable => return Ok(unsatisfiable(size)),
    };
    tracing::debug!(blob = %id, %holder, bytes = range.end - range.start, "a blob is fetched");
    let body = if *method == Method::HEAD || range.is_empty() {
        Body::empty()
    } else {
        let found = within(open(shown, &id, range.clone(), size)).await?;
        Body::from_stream(sent(found.ok_or_else(none)?, place, shown))
    };
    Ok(with_head(status, &id, &range, size, body))
}

/// Who asks, if he may. The log says why not; the peer is only told that.
fn admitted(shown: &Shown, id: &BlobId, token: Option<&str>) -> Result<String, No> {
    let now = shown.identity.now().as_second();
    let checked = blob_token::verify(&shown.master, token.unwrap_or_default(), id.as_str(), now);
    checked.map_err(|error| {
        tracing::info!(blob = %id, %error, "a blob was not given out");
        let text = "this blob needs a token that is good for it: ask for a new one";
        No(StatusCode::FORBIDDEN, text.to_owned())
    })
}

/// The `Range` field, unless `If-Range` names something else: a blob's content is its name.
fn range_field<'a>(headers: &'a HeaderMap, id: &BlobId) -> Option<&'a str> {
    let field = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    match headers.get(header::IF_RANGE) {
        Some(condition) if condition.as_bytes() != tag(id).as_bytes() => None,
        _ => field(header::RANGE),
    }
}

fn tag(id: &BlobId) -> String {
    format!("\"{id}\"")
}

async fn open(
    shown: &Shown,
    id: &BlobId,
    range: Range<u64>,
    size: u64,
) -> Result<Option<BlobStream>, BucketError> {
    if range == (0..size) {
        shown.bucket.stream_blob(id).await
    } else {
        shown.bucket.stream_blob_range(id, range).await
    }
}

async fn within<T>(asked: impl Future<Output = Result<T, BucketError>>) -> Result<T, No> {
    let failed = |text: String| {
        tracing::warn!(error = %text, "a blob could not be read");
        No(
            StatusCode::SERVICE_UNAVAILABLE,
            "the bucket cannot be read now; try again".to_owned(),
        )
    };
    match timeout(BUCKET, asked).await {
        Ok(answered) => answered.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", BUCKET.as_secs()))),
    }
}

/// The bytes as they come. One that breaks off is seen by the peer: less than the length it was told.
fn sent(
    found: BlobStream,
    place: OwnedSemaphorePermit,
    shown: &Shown,
) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let bytes = shown.counts.blob_bytes.clone();
    stream::unfold(Some((found.bytes, place)), move |open| {
        let bytes = bytes.clone();
        async move {
            let (mut stream, place) = open?;
            match timeout(BUCKET, stream.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(piece))) => {
                    bytes.inc_by(piece.len() as u64);
                    Some((Ok(piece), Some((stream, place))))
                }
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), None)),
            }
        }
    })
}

fn none() -> No {
    No(StatusCode::NOT_FOUND, "there is no such blob".to_owned())
}

fn with_head(
    status: StatusCode,
    id: &BlobId,
    range: &Range<u64>,
    size: u64,
    body: Body,
) -> Response {
    let length = range.end - range.start;
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CACHE_CONTROL, "private".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, tag(id)),
    ];
    let mut answer = (status, Extension(Unhurried), head, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!(
            "bytes {}-{}/{size}",
            range.start,
            range.end.saturating_sub(1)
        );
        if let Ok(value) = text.parse() {
            answer.headers_mut().insert(header::CONTENT_RANGE, value);
        }
    }
    answer
}

fn unsatisfiable(size: u64) -> Response {
    let head = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
    let text = format!("the blob has {size} bytes");
    (head, says(StatusCode::RANGE_NOT_SATISFIABLE, &text)).into_response()
}
