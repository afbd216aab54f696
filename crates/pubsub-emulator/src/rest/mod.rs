//! The REST face: the gRPC face's methods as JSON over HTTP/1.1, for `google-cloud-pubsub` (whose
//! admin client speaks only this), curl and scripts.
//!
//! Mapping: <https://cloud.google.com/pubsub/docs/reference/rest>. A request is found by its rule
//! (`publisher`, `subscriber`, `schemas`, `iam`), put together from path, query and body (`asked`),
//! read by its descriptor (`wire`), and given to the service that also answers gRPC.

mod asked;
mod error;
mod iam;
mod publisher;
mod query;
mod rules;
mod schemas;
mod select;
mod subscriber;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tonic::Status;

use crate::broker::Broker;
use crate::grpc::{NO_IAM, Services};
use crate::push::CERTS;
use crate::refusal::Refusal;
use asked::Asked;
use query::Style;
use rules::{Match, Path};

/// Base64 makes a third more of the largest publish.
const LARGEST_BODY: usize = 16 << 20;
/// The answer of methods that have none.
const EMPTY: &str = "google.protobuf.Empty";

/// The resources, the key of pushes' tokens, `/healthz`, and the `Ok` at `/` by which Google's emulator is known to be up.
pub(crate) fn router(broker: &Arc<Broker>) -> Router {
    let keys = Arc::clone(broker);
    Router::new()
        .route("/", get(async || "Ok"))
        .route("/healthz", get(async || "ok"))
        .route(CERTS, get(move || async move { certs(&keys) }))
        .fallback(handle)
        .method_not_allowed_fallback(handle)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::new(Services::new(broker)))
}

/// The key that signs the tokens of pushes.
fn certs(broker: &Broker) -> Response {
    match broker.signer().certs() {
        Ok(keys) => written(keys, &Style::default()),
        Err(error) => error::response(&Refusal::unavailable(error.to_string()).into()),
    }
}

async fn handle(
    State(services): State<Arc<Services>>,
    method: Method,
    uri: Uri,
    bytes: Result<Bytes, BytesRejection>,
) -> Response {
    let answer = match bytes {
        Ok(bytes) => answer(&services, &method, &uri, bytes).await,
        Err(rejection) => Err(unread(&rejection).into()),
    };
    answer.unwrap_or_else(|status| error::response(&status))
}

fn unread(rejection: &BytesRejection) -> Refusal {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::invalid(format!(
            "Request payload size exceeds the limit: {LARGEST_BODY} bytes."
        ))
    } else {
        Refusal::invalid(format!("the body was not read: {rejection}"))
    }
}

async fn answer(
    services: &Services,
    method: &Method,
    uri: &Uri,
    bytes: Bytes,
) -> Result<Response, Status> {
    let Query(pairs) = Query::try_from_uri(uri)
        .map_err(|error| Refusal::invalid(format!("malformed query string: {error}")))?;
    let (style, fields) = query::sort(pairs)?;
    let request = Raw {
        bytes,
        fields,
        style: &style,
    };
    let json = dispatch(services, method, uri, request).await?;
    Ok(written(json, &style))
}

/// A request whose rule is not known yet.
struct Raw<'a> {
    bytes: Bytes,
    fields: Vec<(String, String)>,
    style: &'a Style,
}

impl Raw<'_> {
    fn asked<R>(self, found: Match<R>) -> (R, Asked) {
        let (field, value) = found.bound;
        let mut fields = self.fields;
        fields.push((field.to_owned(), value));
        let asked = Asked {
            body: found.body,
            bytes: self.bytes,
            fields,
            enums: self.style.enums,
        };
        (found.rpc, asked)
    }
}

async fn dispatch(
    services: &Services,
    method: &Method,
    uri: &Uri,
    request: Raw<'_>,
) -> Result<Value, Status> {
    let unknown = || Refusal::not_found(format!("no such path or method: {method} {}", uri.path()));
    let path = Path::parse(uri.path()).ok_or_else(unknown)?;
    if let Some(found) = rules::find(&publisher::RULES, method, &path) {
        let (rpc, asked) = request.asked(found);
        publisher::call(&services.publisher, rpc, asked).await
    } else if let Some(found) = rules::find(&subscriber::RULES, method, &path) {
        let (rpc, asked) = request.asked(found);
        subscriber::call(&services.subscriber, rpc, asked).await
    } else if let Some(found) = rules::find(&schemas::RULES, method, &path) {
        let (rpc, asked) = request.asked(found);
        schemas::call(&services.schemas, rpc, asked).await
    } else if rules::find(&iam::RULES, method, &path).is_some() {
        Err(Refusal::unsupported(NO_IAM).into())
    } else {
        Err(unknown().into())
    }
}

fn written(mut json: Value, style: &Style) -> Response {
    if let Some(fields) = &style.fields {
        fields.apply(&mut json);
    }
    let text = if style.compact {
        json.to_string()
    } else {
        // `Display` of the alternate form indents, and cannot fail.
        format!("{json:#}\n")
    };
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], text).into_response()
}
