//! What is told us that we know by ourselves.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::Results;
use super::body::object;
use crate::y2019::envelope::{Done, Refusal};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Building {
    builder: String,
    key: String,
    hash: String,
    gohash: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sender {
    key: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tag {
    kind: String,
    name: String,
    hash: String,
}

/// `POST /building`: what is building is what the coordinator says.
pub(super) async fn building(
    State(results): State<Arc<Results>>,
    Query(told): Query<Building>,
    headers: HeaderMap,
) -> Result<Done, Refusal> {
    let now = results.clock.now();
    results.authenticate(&told.builder, &told.key, &headers, now)?;
    let Building {
        builder,
        hash,
        gohash,
        ..
    } = told;
    Done::saying(&json!({ "key": format!("building|{hash}|{gohash}|{builder}") }))
}

/// `POST /tag`: where a branch is, we see in git.
pub(super) async fn tag(
    State(results): State<Arc<Results>>,
    Query(sender): Query<Sender>,
    body: Bytes,
) -> Result<Done, Refusal> {
    let master = "can only POST tags with master key";
    results.keys.check_master(&sender.key, master)?;
    let tag: Tag = object(&body)?;
    match tag.kind.as_str() {
        "tip" => {}
        "release" if tag.name.is_empty() => return Err(Refusal::bad("release must have Name")),
        "release" => {}
        _ => return Err(Refusal::bad("invalid Kind")),
    }
    if tag.hash.is_empty() {
        return Err(Refusal::bad("invalid Hash"));
    }
    match results.find("", &tag.hash).await? {
        Some(_) => Ok(Done::silent()),
        None => Err(Refusal::of(StatusCode::NOT_FOUND, "Commit not found")),
    }
}
