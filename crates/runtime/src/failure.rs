//! Errors of handlers, sorted by what the caller should do. The client reads one text, the log another.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a request was not done.
#[derive(Debug)]
pub enum Failure {
    /// Our trouble: the sender should try again later (503).
    Again {
        /// For the log.
        log: String,
    },
    /// The sender's: trying again does not help.
    Never {
        /// A status from 400 to 499.
        status: StatusCode,
        /// For the client.
        text: String,
    },
}

impl Failure {
    /// Again later; `error` is for the log alone.
    #[must_use]
    pub fn again(error: impl std::fmt::Display) -> Self {
        Self::Again {
            log: error.to_string(),
        }
    }

    /// Never again, with a text for the client. A status that is not from 400 to 499 would say something else to a queue: it
    /// becomes 400.
    #[must_use]
    pub fn never(status: StatusCode, text: impl Into<String>) -> Self {
        let status = if status.is_client_error() {
            status
        } else {
            StatusCode::BAD_REQUEST
        };
        Self::Never {
            status,
            text: text.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Again { log } => {
                tracing::error!(error = %log, "answered 503");
                (StatusCode::SERVICE_UNAVAILABLE, "not now; try again\n").into_response()
            }
            Self::Never { status, text } => {
                tracing::info!(%status, reason = %text, "refused");
                (status, format!("{text}\n")).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_is_told_when_to_try_again_and_nothing_of_our_inside() {
        let answer = Failure::again("password of db7 is wrong").into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = axum::body::to_bytes(answer.into_body(), 1000)
            .await
            .unwrap();
        assert_eq!(&body[..], b"not now; try again\n");
        let answer = Failure::never(StatusCode::NOT_FOUND, "no such build").into_response();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let answer = Failure::never(StatusCode::OK, "x").into_response();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
}
