//! Errors as Google's JSON: `{"error": {"code", "message", "status", "details"}}`.
//!
//! Reference: <https://cloud.google.com/apis/design/errors#http_mapping>.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, StatusExt};

pub(super) fn response(status: &Status) -> Response {
    let (http, name) = mapped(status.code());
    let mut error = json!({
        "code": http.as_u16(), "message": status.message(), "status": name
    });
    let details: Vec<Value> = status
        .get_error_details_vec()
        .iter()
        .filter_map(detail)
        .collect();
    if !details.is_empty() {
        error["details"] = details.into();
    }
    (http, Json(json!({ "error": error }))).into_response()
}

/// The details that this emulator gives.
fn detail(detail: &ErrorDetail) -> Option<Value> {
    match detail {
        ErrorDetail::ErrorInfo(info) => Some(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": info.reason,
            "domain": info.domain,
            "metadata": info.metadata,
        })),
        ErrorDetail::BadRequest(request) => {
            let violations = request.field_violations.iter();
            let violations = violations.map(|violation| {
                let mut json = json!({ "description": violation.description });
                if !violation.field.is_empty() {
                    json["field"] = violation.field.clone().into();
                }
                json
            });
            Some(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": violations.collect::<Vec<_>>(),
            }))
        }
        _ => None,
    }
}

/// The HTTP status and the name of a gRPC code, as `google.rpc.Code` documents them.
fn mapped(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
        Code::OutOfRange => (StatusCode::BAD_REQUEST, "OUT_OF_RANGE"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Code::Aborted => (StatusCode::CONFLICT, "ABORTED"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    }
}
