//! The router on AWS Lambda: requests from function URLs, API gateways and load balancers as they are, what queues deliver as
//! CloudEvents, and the calls of the time.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::records::{self, Batch};
use super::schedule::{self, Schedule};
use super::{ServeError, Triggers};
use crate::vars::Vars;

/// What `lambda_http` panics without.
const NEEDED: [&str; 3] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// What is no HTTP.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Batch(Batch),
    Schedule(Schedule),
}

pub(super) async fn run(
    router: Router,
    triggers: Triggers,
    vars: &Vars,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    if let Some(missing) = NEEDED.into_iter().find(|name| vars.get(name).is_none()) {
        let reason = format!("AWS_LAMBDA_RUNTIME_API is set and {missing} is not");
        return Err(ServeError::Lambda(reason));
    }
    let service = tower::service_fn(move |request| {
        let (router, triggers) = (router.clone(), triggers.clone());
        async move { answer(router, &triggers, request).await }
    });
    tokio::select! {
        ended = lambda_http::run(service) => {
            ended.map_err(|error| ServeError::Lambda(error.to_string()))
        }
        () = shutdown.cancelled() => Ok(()),
    }
}

/// One invocation.
///
/// # Errors
/// The invocation failed: Lambda delivers its event again, and in the end to the dead letters.
pub(super) async fn answer(
    router: Router,
    triggers: &Triggers,
    request: lambda_http::Request,
) -> Result<Response, String> {
    // An event that is not HTTP arrives as `POST /events`. Only the context tells it from a stranger's request there.
    let context = request.request_context_ref();
    let is_event = matches!(context, Some(RequestContext::PassThrough));
    let (parts, body) = request.into_parts();
    if is_event {
        return deliver(&router, triggers, &body).await;
    }
    // What queues and schedules post to is theirs: over HTTP anybody could say that a queue had said it.
    if triggers.own(&parts.method, parts.uri.path()) {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let body = match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    };
    let answer = router.oneshot(Request::from_parts(parts, body)).await;
    answer.map_err(|never| match never {})
}

async fn deliver(router: &Router, triggers: &Triggers, body: &[u8]) -> Result<Response, String> {
    match serde_json::from_slice(body) {
        Ok(Event::Batch(batch)) => records::deliver(router, triggers, batch).await,
        Ok(Event::Schedule(schedule)) if schedule.is_due() => {
            schedule::deliver(router, triggers, &schedule).await
        }
        _ => Err("neither an HTTP request nor a batch of SQS or SNS nor a schedule".to_owned()),
    }
}
