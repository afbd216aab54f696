//! A request from ourselves, on behalf of what has no HTTP.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use bytes::Bytes;
use tower::ServiceExt;

/// Posts to `path`, which is one of the function's, and reads the answer to its end: a function may still work while it is
/// read.
pub(super) async fn to(router: &Router, path: &str, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Ok(uri) = path.parse::<Uri>() else {
        return StatusCode::NOT_FOUND;
    };
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let answer = match router.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let (head, body) = answer.into_parts();
    match axum::body::to_bytes(body, ANSWER).await {
        Ok(_) => head.status,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

/// An answer to an event says nothing but its status.
const ANSWER: usize = 1 << 20;
