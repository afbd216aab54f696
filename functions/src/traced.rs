//! Requests as parts of traces.

use axum::http::HeaderMap;
use farm_model::trace::TraceParent;
use farm_runtime::{Ids, trace};
use tracing::Span;

/// The span of a request in which somebody asks for something, and what its events go on from: the request's own trace, or a
/// new one.
pub(crate) fn command(headers: &HeaderMap, ids: &Ids) -> (Span, TraceParent) {
    let parent = trace::of(headers);
    let span = tracing::info_span!(target: trace::TARGET, "command", otel.kind = "server");
    let span = trace::under(span, parent.as_ref());
    let parent = trace::from(&span, parent).unwrap_or_else(|| trace::begin(ids));
    (span, parent)
}
