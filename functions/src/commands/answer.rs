//! What is answered.

use std::fmt::Display;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::id::CommandId;
use serde_json::json;

use crate::limit::TooMany;

/// It will be done, once.
pub(super) struct Accepted(pub(super) CommandId);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let body = json!({ "command": self.0 });
        (StatusCode::ACCEPTED, axum::Json(body)).into_response()
    }
}

/// It will not.
#[derive(Debug)]
pub(super) enum Refused {
    /// The client's words make no sense.
    Nonsense(String),
    /// Nobody has proved who asks.
    Stranger(String),
    /// They ask too often.
    TooMany(TooMany),
    /// Our trouble.
    Later,
}

impl Refused {
    /// `error` is for the log alone.
    pub(super) fn later(error: impl Display) -> Self {
        tracing::error!(%error, "a command was not published");
        Self::Later
    }
}

impl From<TooMany> for Refused {
    fn from(many: TooMany) -> Self {
        Self::TooMany(many)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let after = match self {
            Self::TooMany(many) => Some([(header::RETRY_AFTER, many.0.as_secs().to_string())]),
            _ => None,
        };
        let (status, text) = match self {
            Self::TooMany(many) => (StatusCode::TOO_MANY_REQUESTS, many.to_string()),
            Self::Nonsense(text) => (StatusCode::BAD_REQUEST, text),
            Self::Stranger(text) => (StatusCode::UNAUTHORIZED, text),
            Self::Later => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not now; try again".to_owned(),
            ),
        };
        tracing::info!(%status, reason = %text, "refused");
        (status, after, axum::Json(json!({ "error": text }))).into_response()
    }
}
