//! Logs as they are: pieces by byte offset while they grow, whole, in parts, and as a gzip file.

mod elsewhere;
mod gzip;
mod lapsed;
mod range;
mod source;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::id::{AttemptKey, LogHash};
use farm_model::message::progress::LogSummary;
use farm_model::record::{Attempt, AttemptState};
use farm_model::view::BuildView;
use serde::Deserialize;

pub(super) use self::elsewhere::Longest;
use self::range::Asked;
pub(super) use self::source::{Life, PIECE, Source};
use super::Dashboard;
use super::cache::Keep;
use super::trouble::Trouble;

/// What a log is.
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Deserialize)]
pub(super) struct Part {
    from: Option<u64>,
    gzip: Option<String>,
}

type PartQuery = Result<Query<Part>, axum::extract::rejection::QueryRejection>;

/// What names an attempt in an address.
pub(super) type Parts = (String, String, String, String);

/// The attempt that an address names.
pub(super) fn attempt((build, run, job, attempt): &Parts) -> Result<AttemptKey, Trouble> {
    let name = format!("{build}/{run}/{job}/{attempt}");
    name.parse().map_err(|_| missing(&name))
}

pub(super) async fn serve(
    State(dashboard): State<Arc<Dashboard>>,
    Path(parts): Path<Parts>,
    part: PartQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let attempt = attempt(&parts)?;
    let unclear = |_| Trouble::Unclear("from= is a byte offset.".to_owned());
    let Query(part) = part.map_err(unclear)?;
    let source = Source::of(&dashboard, &attempt).await?;
    let longest = dashboard.longest;
    match part {
        Part {
            from: Some(from), ..
        } => piece(&source, from).await,
        Part { gzip: Some(_), .. } => packed(&source, &attempt, longest).await,
        _ => whole(&source, &attempt, &headers, longest).await,
    }
}

/// `/log/<SHA-1 of the text>`, as clients of 2019 have it (spec `dashboard.md` 4.9); what is not there is a 404 (13).
pub(super) async fn by_hash(
    State(dashboard): State<Arc<Dashboard>>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let name = hash.parse::<LogHash>().map_err(|_| missing(&hash))?;
    let attempt = dashboard.bucket.log_by_hash(&name).await?;
    let attempt = attempt.ok_or_else(|| missing(&hash))?;
    let source = Source::of(&dashboard, &attempt).await?;
    whole(&source, &attempt, &headers, dashboard.longest).await
}

pub(super) fn missing(name: &str) -> Trouble {
    let name: String = name.chars().take(200).collect();
    Trouble::Missing(format!("There is no log of {name}."))
}

/// What there is from a byte on; nothing where the log does not go on yet.
async fn piece(source: &Source, from: u64) -> Result<Response, Trouble> {
    let piece = source.read(from, PIECE).await?;
    if piece.next == 0 {
        source.is_kept()?;
    }
    let more = !piece.bytes.is_empty() || source.life() != Life::Over;
    let mut response = text(Body::from(piece.bytes));
    let headers = response.headers_mut();
    headers.insert("x-log-next", HeaderValue::from(piece.next));
    let more = if more { "true" } else { "false" };
    headers.insert("x-log-more", HeaderValue::from_static(more));
    Ok((Keep::Never, response).into_response())
}

async fn whole(
    source: &Source,
    attempt: &AttemptKey,
    headers: &HeaderMap,
    longest: Longest,
) -> Result<Response, Trouble> {
    let end = end(source, attempt).await?;
    let Some(tag) = source.tag() else {
        longest.instead(source, end).await?;
        return growing(source, end).await;
    };
    let part = range::asked(headers, end, &tag);
    if let Some(instead) = longest.instead(source, part.bytes(end)).await? {
        return Ok(instead);
    }
    let response = asked(source, part, end).await?;
    let parts = [
        (header::ETAG, tag.as_str()),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    Ok((Keep::Forever, parts, response).into_response())
}

/// As far as the log goes at this moment, without a length: it may grow while it is read.
async fn growing(source: &Source, end: u64) -> Result<Response, Trouble> {
    let body = if end == 0 {
        Body::empty()
    } else {
        source.body(0..u64::MAX).await?
    };
    Ok(text(body))
}

async fn asked(source: &Source, asked: Asked, end: u64) -> Result<Response, Trouble> {
    let (status, range, content) = match asked {
        Asked::All => (StatusCode::OK, 0..end, None),
        Asked::Part(part) => {
            let content = format!("bytes {}-{}/{end}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, part, Some(content))
        }
        Asked::None => {
            let content = [(header::CONTENT_RANGE, format!("bytes */{end}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, content).into_response());
        }
    };
    let length = HeaderValue::from(range.end - range.start);
    let mut response = text(source.body(range).await?);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
    if let Some(content) = content.and_then(|content| content.parse().ok()) {
        headers.insert(header::CONTENT_RANGE, content);
    }
    Ok(response)
}

/// As a file to keep. One that is sent by the bucket is not packed.
async fn packed(
    source: &Source,
    attempt: &AttemptKey,
    longest: Longest,
) -> Result<Response, Trouble> {
    let end = end(source, attempt).await?;
    if let Some(instead) = longest.instead(source, end).await? {
        return Ok(instead);
    }
    let build = &attempt.build.as_str()[..8];
    let (run, job, number) = (attempt.run, &attempt.job, attempt.attempt);
    let name = format!("attachment; filename=\"{build}-{run}-{job}-{number}.log.gz\"");
    let body = Body::from_stream(gzip::gzip(source.bytes(0..end)));
    let keep = match source.tag() {
        Some(_) => Keep::Forever,
        None => Keep::Now,
    };
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((keep, headers, body).into_response())
}

/// Where a log ends that somebody has heard of.
pub(super) async fn end(source: &Source, attempt: &AttemptKey) -> Result<u64, Trouble> {
    let end = source.end().await?;
    if end == 0 && source.life() == Life::Unknown {
        return Err(missing(&attempt.to_string()));
    }
    if end == 0 {
        source.is_kept()?;
    }
    Ok(end)
}

fn text(body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, TEXT)];
    (kind, body).into_response()
}

/// The attempt in its build's document.
pub(super) fn find<'a>(build: &'a BuildView, attempt: &AttemptKey) -> Option<&'a Attempt> {
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

/// Whether nothing more is expected of an attempt.
pub(super) fn is_over(attempt: &Attempt) -> bool {
    match attempt.state {
        AttemptState::Offered | AttemptState::Running { .. } => false,
        AttemptState::Finished { .. } | AttemptState::Gone { .. } => true,
    }
}
