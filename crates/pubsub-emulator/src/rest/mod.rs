//! The REST face: the same calls as JSON over HTTP/1.1, for `google-cloud-pubsub` (whose admin
//! client speaks only this), curl and scripts.
//!
//! Mapping: <https://cloud.google.com/pubsub/docs/reference/rest>. Query parameters such as `$alt`
//! are ignored.

mod body;
mod error;
mod json;
mod subscriptions;
mod topics;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query};
use axum::routing::get;
use serde::Deserialize;

use crate::broker::{Broker, Page};

/// Base64 makes a third more of the largest publish.
const LARGEST_BODY: usize = 16 << 20;

/// Paging in a query string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageQuery {
    #[serde(default)]
    page_size: i32,
    #[serde(default)]
    page_token: String,
}

fn page(Query(query): Query<PageQuery>) -> Page {
    Page {
        size: query.page_size,
        token: query.page_token,
    }
}

/// The resources, `/healthz`, and the `Ok` at `/` by which Google's emulator is known to be up.
pub(crate) fn router(broker: &Arc<Broker>) -> Router {
    Router::new()
        .route("/", get(async || "Ok"))
        .route("/healthz", get(async || "ok"))
        .merge(topics::routes())
        .merge(subscriptions::routes())
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_path)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::clone(broker))
}

/// The last segment of a path: `{id}` or `{id}:{verb}`.
fn split_verb(segment: &str) -> (&str, Option<&str>) {
    match segment.rsplit_once(':') {
        Some((id, verb)) => (id, Some(verb)),
        None => (segment, None),
    }
}
