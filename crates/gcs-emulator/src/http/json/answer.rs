//! Answers in JSON: <https://cloud.google.com/storage/docs/json_api/v1/status-codes>.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// A document.
pub struct Json(pub Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json; charset=UTF-8");
        ([(header::CONTENT_TYPE, kind)], self.0.to_string()).into_response()
    }
}

/// A refusal, as this API says it. The header of a range and the lack of a body stay as they are in the other.
pub fn failure(refusal: Refusal) -> Response {
    let message = refusal.to_string();
    let reason = reason(&refusal);
    let other = refusal.into_response();
    let status = other.status();
    if status == StatusCode::NOT_MODIFIED {
        return other;
    }
    let error = json!({ "message": message, "domain": "global", "reason": reason });
    let body =
        json!({ "error": { "code": status.as_u16(), "message": message, "errors": [error] } });
    (status, Json(body)).into_response()
}

fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoSuchBucket | Refusal::NoSuchKey | Refusal::NoSuchUpload => "notFound",
        Refusal::PreconditionFailed(_) => "conditionNotMet",
        Refusal::BucketAlreadyOwnedByYou | Refusal::BucketNotEmpty => "conflict",
        Refusal::InvalidRange { .. } => "requestedRangeNotSatisfiable",
        Refusal::NotImplemented(_) => "notImplemented",
        Refusal::InternalError(_) | Refusal::SlowDown => "backendError",
        Refusal::MethodNotAllowed => "methodNotAllowed",
        _ => "invalid",
    }
}
