//! `pubsubhelper`: the feed of what happened at GitHub and Gerrit, for maintner clients of 2019 and later
//! (spec `pubsubhelper.md`). Events and their stamps are the coordinator's, in the view `feed.json`; a restart of this
//! function loses nothing.
//!
//! - `GET /waitevent?after=T`: the oldest event after T, at once or when it comes; without T, the next one. After 25
//!   seconds a time-out object, whose `Time` is as far as the request has been checked: a client that goes on from there
//!   misses nothing.
//! - `GET /recent?after=T`: events from T on, newest first.

mod feed;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use farm_model::Timestamp;
use farm_runtime::{Failure, Vars};

use self::feed::{Feed, Waited};
use crate::doors;

type Parameters = Query<Vec<(String, String)>>;

/// The function.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let feed = Feed::new(doors::bucket(vars)?);
    Ok(Router::new()
        .route("/waitevent", any(wait_event))
        .route("/recent", any(recent))
        .with_state(Arc::new(feed)))
}

async fn wait_event(
    State(feed): State<Arc<Feed>>,
    method: Method,
    Query(parameters): Parameters,
) -> Result<Response, Failure> {
    if method != Method::GET {
        return Err(Failure::never(StatusCode::BAD_REQUEST, "requires GET"));
    }
    let after = after(&parameters)?;
    let body = match feed.wait(after).await? {
        Waited::Event(event) => wire::event(&event),
        Waited::Out(checked) => wire::time_out(checked),
    };
    Ok(json(body))
}

async fn recent(
    State(feed): State<Arc<Feed>>,
    Query(parameters): Parameters,
) -> Result<Response, Failure> {
    let after = after(&parameters)?;
    let events = feed.events().await?;
    let wanted = events
        .iter()
        .rev()
        .filter(|event| after.is_none_or(|after| event.time >= after));
    Ok(json(wire::list(wanted)))
}

fn json(body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// The cursor; absent and empty are the same.
fn after(parameters: &[(String, String)]) -> Result<Option<Timestamp>, Failure> {
    let given = parameters.iter().find(|(name, _)| name == "after");
    let given = given.map(|(_, value)| value.as_str()).unwrap_or_default();
    if given.is_empty() {
        return Ok(None);
    }
    let time = wire::time(given).ok_or_else(|| {
        let text = "'after' parameter is not in time.RFC3339Nano format";
        Failure::never(StatusCode::BAD_REQUEST, text)
    })?;
    Ok(Some(time))
}
