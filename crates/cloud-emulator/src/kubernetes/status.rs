//! Refusals as objects of kind `Status`.
//!
//! Reference: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::state::{Key, Kind};

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
}

/// What goes on as JSON, or a refusal.
pub(super) type Answer = Result<Json<Value>, Refusal>;

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            message: message.into(),
            details: json!({}),
        }
    }

    fn about(mut self, kind: Kind, name: &str) -> Self {
        self.details = json!({ "name": name, "kind": kind.plural() });
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn not_found(key: &Key) -> Self {
        let message = format!("{} \"{}\" not found", key.kind.plural(), key.name);
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(key.kind, &key.name)
    }

    /// There is no such path.
    pub(super) fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(super) fn exists(key: &Key) -> Self {
        let message = format!("{} \"{}\" already exists", key.kind.plural(), key.name);
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(key.kind, &key.name)
    }

    /// It is not the one that was meant.
    pub(super) fn conflict(key: &Key, message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(key.kind, &key.name)
    }

    pub(super) fn forbidden(key: &Key, why: &str) -> Self {
        let message = format!("{} \"{}\" is forbidden: {why}", key.kind.plural(), key.name);
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(key.kind, &key.name)
    }

    /// An object that may not be so.
    pub(super) fn invalid(key: &Key, field: &str, why: &str) -> Self {
        let name = &key.name;
        let message = format!("{} \"{name}\" is invalid: {field}: {why}", key.kind.name());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(key.kind, name)
    }

    pub(super) fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// A list is to be begun again.
    pub(super) fn expired() -> Self {
        let message = "The provided continue parameter is too old or was never given out.";
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn not_allowed(what: &str) -> Self {
        let message = format!("{what} is not known to this emulator");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.status.as_u16(),
        });
        (self.status, Json(body)).into_response()
    }
}

/// It was deleted.
pub(super) fn success(key: &Key, uid: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": { "name": key.name, "kind": key.kind.plural(), "uid": uid },
    })
}
