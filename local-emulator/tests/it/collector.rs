//! A collector of traces: OTLP/HTTP with Protobuf, as far as these tests look
//! (<https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto>).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Router, http};
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<WireSpan>,
}

#[derive(Clone, PartialEq, Message)]
struct WireSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

/// A span as it was exported; ids in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty where there is none.
    pub parent: String,
    pub attributes: Vec<(String, String)>,
}

impl Span {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// Takes spans as long as it lives.
pub struct Collector {
    pub url: String,
    spans: Spans,
    _serving: JoinSet<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let spans = Spans::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            spans,
            _serving: serving,
        }
    }

    /// What came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().clone()
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> http::StatusCode {
    let Ok(export) = Export::decode(body) else {
        return http::StatusCode::BAD_REQUEST;
    };
    for resource in export.resources {
        let of = named(&resource.resource.unwrap_or_default().attributes);
        let service = of.into_iter().find(|(key, _)| key == "service.name");
        let service = service.map(|(_, value)| value).unwrap_or_default();
        let all = resource.scopes.into_iter().flat_map(|scope| scope.spans);
        spans.lock().extend(all.map(|span| Span {
            service: service.clone(),
            name: span.name,
            trace: hex(&span.trace),
            id: hex(&span.id),
            parent: hex(&span.parent),
            attributes: named(&span.attributes),
        }));
    }
    http::StatusCode::OK
}

fn named(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |one: &KeyValue| {
        let value = one.value.clone()?.text?;
        Some((one.key.clone(), value))
    };
    attributes.iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
