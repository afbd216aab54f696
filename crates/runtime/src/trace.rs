//! Spans of the farm's traces, and the `traceparent` that joins them over queues. Without an exporter a span is nothing, and
//! the `traceparent` that came in is what goes on.

use axum::http::HeaderMap;
use farm_model::trace::{TRACEPARENT, TraceParent};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::ids::Ids;

/// The target of spans that are exported: `tracing::info_span!(target: TARGET, "webhook")`.
pub const TARGET: &str = "farm_trace";

/// A trace that begins here.
#[must_use]
pub fn begin(ids: &Ids) -> TraceParent {
    loop {
        // All zeros are none, and not to be had twice in a row.
        if let Ok(parent) = TraceParent::recorded(&ids.hex(16), &ids.hex(8)) {
            return parent;
        }
    }
}

/// The trace that a request belongs to: its header `traceparent`, if that is one.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get(TRACEPARENT)?.to_str().ok()?.parse().ok()
}

/// `span` as a part of what `parent` names.
#[must_use]
pub fn under(span: Span, parent: Option<&TraceParent>) -> Span {
    if let Some(context) = parent.and_then(context) {
        let context = opentelemetry::Context::new().with_remote_span_context(context);
        // It fails where nothing is exported.
        drop(span.set_parent(context));
    }
    span
}

/// What goes on from `span`: itself where it is exported, else what it was put under.
#[must_use]
pub fn from(span: &Span, parent: Option<TraceParent>) -> Option<TraceParent> {
    let context = span.context();
    let own = context.span().span_context().clone();
    let own = own.is_valid().then(|| {
        let (trace, id, flags) = (own.trace_id(), own.span_id(), own.trace_flags().to_u8());
        format!("00-{trace}-{id}-{flags:02x}").parse().ok()
    });
    own.flatten().or(parent)
}

fn context(parent: &TraceParent) -> Option<SpanContext> {
    let flags = u8::from_str_radix(&parent.as_str()[53..], 16).ok()?;
    Some(SpanContext::new(
        TraceId::from_hex(parent.trace()).ok()?,
        SpanId::from_hex(parent.span()).ok()?,
        TraceFlags::new(flags),
        true,
        TraceState::default(),
    ))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_request_names_a_trace_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert(TRACEPARENT, "00-x-y-01".parse().unwrap());
        assert_eq!(of(&headers), None);
        let parent = begin(&Ids::system());
        headers.insert(TRACEPARENT, parent.as_str().parse().unwrap());
        assert_eq!(of(&headers), Some(parent));
    }

    #[test]
    fn without_an_exporter_what_came_in_goes_on() {
        let parent = begin(&Ids::system());
        let span = under(
            tracing::info_span!(target: TARGET, "webhook"),
            Some(&parent),
        );
        assert_eq!(from(&span, Some(parent.clone())), Some(parent));
        assert_eq!(from(&span, None), None);
    }

    #[test]
    fn with_one_the_span_goes_on_in_the_same_trace() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("t"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let parent = begin(&Ids::system());
            let span = under(
                tracing::info_span!(target: TARGET, "webhook"),
                Some(&parent),
            );
            let own = from(&span, Some(parent.clone())).unwrap();
            assert_eq!(own.trace(), parent.trace());
            assert_ne!(own.span(), parent.span());
            let fresh = from(&tracing::info_span!(target: TARGET, "other"), None).unwrap();
            assert_ne!(fresh.trace(), parent.trace());
        });
    }
}
