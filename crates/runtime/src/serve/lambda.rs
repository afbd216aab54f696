//! The router on AWS Lambda: requests from function URLs, API gateways and load balancers as they are, and what queues
//! deliver as CloudEvents.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{ServeError, records};
use crate::vars::Vars;

/// What `lambda_http` panics without.
const NEEDED: [&str; 3] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

pub(super) async fn run(
    router: Router,
    vars: &Vars,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    if let Some(missing) = NEEDED.into_iter().find(|name| vars.get(name).is_none()) {
        let reason = format!("AWS_LAMBDA_RUNTIME_API is set and {missing} is not");
        return Err(ServeError::Lambda(reason));
    }
    let service = tower::service_fn(move |request| answer(router.clone(), request));
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
    request: lambda_http::Request,
) -> Result<Response, String> {
    // An event that is not HTTP arrives as `POST /events`. Only the context tells it from a stranger's request there.
    let context = request.request_context_ref();
    let is_event = matches!(context, Some(RequestContext::PassThrough));
    let (parts, body) = request.into_parts();
    if is_event {
        return records::deliver(router, &body).await;
    }
    let body = match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    };
    let answer = router.oneshot(Request::from_parts(parts, body)).await;
    answer.map_err(|never| match never {})
}
