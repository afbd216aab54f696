//! Logs: pieces by byte offset while they grow, and whole.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use farm_bucket::Bucket;
use farm_model::id::AttemptKey;
use farm_model::message::progress::LogSummary;
use farm_model::record::{Attempt, AttemptState};
use farm_model::view::{BuildView, key};
use futures::stream;
use serde::Deserialize;

use super::Dashboard;
use super::cache::Keep;
use super::text::plain;
use super::trouble::Trouble;

/// Bytes of one answer, and of one reading of the whole.
const PIECE: usize = 1 << 20;
/// Bytes of a log that its build's page shows: the last ones.
const TAIL: u64 = 128 << 10;

#[derive(Deserialize)]
pub(super) struct Part {
    from: Option<u64>,
}

type Parts = (String, String, String, String);

pub(super) async fn serve(
    State(dashboard): State<Arc<Dashboard>>,
    Path((build, run, job, attempt)): Path<Parts>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Trouble> {
    let name = format!("{build}/{run}/{job}/{attempt}");
    let attempt = name.parse::<AttemptKey>().map_err(|_| missing(&name))?;
    let part = part.map_err(|_| Trouble::Unclear("from= is a byte offset.".to_owned()))?;
    match part.from {
        Some(from) => piece(&dashboard, &attempt, from).await,
        None => whole(&dashboard, &attempt).await,
    }
}

fn missing(name: &str) -> Trouble {
    let name: String = name.chars().take(200).collect();
    Trouble::Missing(format!("There is no log of {name}."))
}

/// What there is from a byte on; nothing where the log does not go on yet.
async fn piece(
    dashboard: &Dashboard,
    attempt: &AttemptKey,
    from: u64,
) -> Result<Response, Trouble> {
    let (bytes, next) = read(dashboard, attempt, from, PIECE).await?;
    let mut response = text(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert("x-log-next", HeaderValue::from(next));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn whole(dashboard: &Dashboard, attempt: &AttemptKey) -> Result<Response, Trouble> {
    let build = dashboard.builds.get(&key::build(&attempt.build)).await?;
    let known = build.as_ref().and_then(|build| find(&build.view, attempt));
    if let Some(blob) = known.and_then(summary).and_then(|log| log.whole.as_ref())
        && let Some(stored) = dashboard.bucket.stream_blob(blob).await?
    {
        let mut response = text(Body::from_stream(stored.bytes));
        let length = HeaderValue::from(stored.size);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        return Ok((Keep::Forever, response).into_response());
    }
    let first = dashboard.bucket.read_log(attempt, 0, PIECE).await?;
    if first.bytes.is_empty() && known.is_none() {
        return Err(missing(&attempt.to_string()));
    }
    let rest = pieces(dashboard.bucket.clone(), attempt.clone(), first.next);
    let first = stream::iter([Ok(first.bytes)]);
    Ok(text(Body::from_stream(futures::StreamExt::chain(
        first, rest,
    ))))
}

/// The log from a byte on, as far as it goes at this moment. What fails on the way cuts the answer off.
fn pieces(
    bucket: Bucket,
    attempt: AttemptKey,
    from: u64,
) -> impl futures::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(
        (bucket, attempt, from),
        |(bucket, attempt, from)| async move {
            let piece = bucket.read_log(&attempt, from, PIECE).await;
            let piece = piece.map_err(io::Error::other)?;
            let more = !piece.bytes.is_empty();
            Ok(more.then_some((piece.bytes, (bucket, attempt, piece.next))))
        },
    )
}

fn text(body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (kind, body).into_response()
}

/// Bytes from `from` on and where to go on, from the chunks, or from the whole where they are gone.
async fn read(
    dashboard: &Dashboard,
    attempt: &AttemptKey,
    from: u64,
    most: usize,
) -> Result<(Bytes, u64), Trouble> {
    let piece = dashboard.bucket.read_log(attempt, from, most).await?;
    if !piece.bytes.is_empty() {
        return Ok((piece.bytes, piece.next));
    }
    let build = dashboard.builds.get(&key::build(&attempt.build)).await?;
    let known = build.as_ref().and_then(|build| find(&build.view, attempt));
    let Some(blob) = known.and_then(summary).and_then(|log| log.whole.as_ref()) else {
        return Ok((Bytes::new(), from));
    };
    let range = from..from.saturating_add(most as u64);
    let bytes = dashboard.bucket.get_blob_range(blob, range).await?;
    let bytes = bytes.unwrap_or_default();
    let next = from.saturating_add(bytes.len() as u64);
    Ok((bytes, next))
}

fn find<'a>(build: &'a BuildView, attempt: &AttemptKey) -> Option<&'a Attempt> {
    let run = build.runs.iter().find(|run| run.number == attempt.run)?;
    let job = run.jobs.iter().find(|job| job.name == attempt.job)?;
    job.attempts
        .iter()
        .find(|found| found.number == attempt.attempt)
}

/// What is known of the log of an attempt that has ended.
pub(super) fn summary(attempt: &Attempt) -> Option<&LogSummary> {
    match &attempt.state {
        AttemptState::Finished { report, .. } => Some(&report.log),
        _ => None,
    }
}

/// The end of a log, as its build's page shows it.
pub(super) struct Tail {
    /// As plain text.
    pub(super) text: String,
    /// Whether something stands before it.
    pub(super) cut: bool,
    /// Where to read on.
    pub(super) next: u64,
}

/// The end of the log of `attempt`. Of one that still grows, a last line that is not complete is left for the next
/// reading: it may end within a character or an escape.
pub(super) async fn tail(
    dashboard: &Dashboard,
    attempt: &AttemptKey,
    ended: Option<&LogSummary>,
) -> Result<Tail, Trouble> {
    let end = match ended {
        Some(log) => log.bytes,
        None => {
            let chunks = dashboard.bucket.list_log(attempt).await?;
            chunks.last().map_or(0, |last| last.offset + last.len)
        }
    };
    let from = end.saturating_sub(TAIL);
    // A log that was said to end may have a last line of ours more.
    let (bytes, next) = read(dashboard, attempt, from, 2 * PIECE).await?;
    let whole_lines = whole_lines(&bytes, from > 0, ended.is_none());
    Ok(Tail {
        text: plain(&bytes[whole_lines.clone()]),
        cut: from > 0,
        next: next - (bytes.len() - whole_lines.end) as u64,
    })
}

/// The bytes without a first line of which the beginning is missing, and without a last one of which the end is.
fn whole_lines(bytes: &[u8], cut: bool, open: bool) -> std::ops::Range<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let first = bytes.iter().position(is_end).map_or(0, |end| end + 1);
    let last = bytes.iter().rposition(is_end).map_or(0, |end| end + 1);
    let end = if open { last } else { bytes.len() };
    let start = if cut { first.min(end) } else { 0 };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_whole_lines_while_a_log_grows() {
        let lines =
            |text: &str, cut, open| text[whole_lines(text.as_bytes(), cut, open)].to_owned();
        assert_eq!(lines("b\nc\nd", true, true), "c\n");
        assert_eq!(lines("b\nc\nd", true, false), "c\nd");
        assert_eq!(lines("b\nc\nd", false, false), "b\nc\nd");
        assert_eq!(lines("b", false, true), "");
        assert_eq!(lines("b", true, false), "b");
        assert_eq!(lines("", true, true), "");
    }
}
