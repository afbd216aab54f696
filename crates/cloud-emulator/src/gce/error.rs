//! Refusals as the API words them: `{"error": {"code", "message", "errors": [{"domain", "reason", "message"}]}}`.
//!
//! Reference: <https://cloud.google.com/compute/docs/troubleshooting/api-errors>, and for what an operation says
//! <https://cloud.google.com/compute/docs/reference/rest/v1/zoneOperations>.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    domain: &'static str,
    reason: &'static str,
    message: String,
}

/// What goes on as JSON, or a refusal.
pub(super) type Answer = Result<Json<Value>, Refusal>;

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            domain: "global",
            reason,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    /// A field that has to be there is not.
    pub(super) fn required(field: &str) -> Self {
        let message = format!("Invalid value for field 'resource.{field}': it is required.");
        Self::new(StatusCode::BAD_REQUEST, "required", message)
    }

    pub(super) fn not_found(resource: &str) -> Self {
        let message = format!("The resource '{resource}' was not found");
        Self::new(StatusCode::NOT_FOUND, "notFound", message)
    }

    pub(super) fn exists(resource: &str) -> Self {
        let message = format!("The resource '{resource}' already exists");
        Self::new(StatusCode::CONFLICT, "alreadyExists", message)
    }

    /// A fingerprint that is not the last one's.
    pub(super) fn outdated() -> Self {
        let message = "Labels fingerprint either invalid or resource labels have changed";
        Self::new(StatusCode::PRECONDITION_FAILED, "conditionNotMet", message)
    }

    pub(super) fn no_token() -> Self {
        let message = "Request had invalid authentication credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "authError", message)
    }

    fn quota(message: String) -> Self {
        Self {
            domain: "usageLimits",
            ..Self::new(StatusCode::FORBIDDEN, "quotaExceeded", message)
        }
    }

    fn stock_out(message: String) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ZONE_RESOURCE_POOL_EXHAUSTED",
            message,
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let one = json!({ "domain": self.domain, "reason": self.reason, "message": self.message });
        let body = json!({
            "error": { "code": self.status.as_u16(), "message": self.message, "errors": [one] }
        });
        (self.status, Json(body)).into_response()
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such machine in the zone.
    StockOut(String),
    /// The region grants no more of the metric.
    Quota(String),
}

impl Failure {
    pub(super) fn stock_out(project: &str, zone: &str) -> Self {
        Self::StockOut(format!(
            "The zone 'projects/{project}/zones/{zone}' has not enough resources for the request. Try another zone, or later."
        ))
    }

    pub(super) fn quota(metric: &str, limit: u64, region: &str) -> Self {
        Self::Quota(format!(
            "Quota '{metric}' exceeded. Limit: {limit}.0 in region {region}."
        ))
    }

    /// Of a request that is not even taken.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::StockOut(message) => Refusal::stock_out(message),
            Self::Quota(message) => Refusal::quota(message),
        }
    }

    /// What an operation has of it.
    pub(super) fn write(&self, operation: &mut Value) {
        let (code, message, status, text) = match self {
            Self::StockOut(message) => (
                "ZONE_RESOURCE_POOL_EXHAUSTED",
                message,
                503,
                "SERVICE UNAVAILABLE",
            ),
            Self::Quota(message) => ("QUOTA_EXCEEDED", message, 403, "FORBIDDEN"),
        };
        operation["error"] = json!({ "errors": [{ "code": code, "message": message }] });
        operation["httpErrorStatusCode"] = status.into();
        operation["httpErrorMessage"] = text.into();
    }
}
