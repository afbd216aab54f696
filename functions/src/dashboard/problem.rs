//! A page's trouble, for a program: a problem document (RFC 9457) that says what to do.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::view::Problem;

use super::trouble::Trouble;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refused(Trouble);

impl<E: Into<Trouble>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self.0 {
            Trouble::Missing(text) => problem(StatusCode::NOT_FOUND, text),
            Trouble::Gone(text) => problem(StatusCode::GONE, text),
            Trouble::Unclear(text) => problem(StatusCode::BAD_REQUEST, text),
            Trouble::Busy(text) => later(text),
            Trouble::Away(error) => {
                tracing::error!(%error, "a view cannot be read");
                later("The farm's data cannot be read right now; builds are not affected.".into())
            }
        }
    }
}

/// An answer of this status and detail.
pub(super) fn problem(status: StatusCode, detail: String) -> Response {
    let problem = Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail,
    };
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (
        status,
        kind,
        axum::Json(problem).into_response().into_body(),
    )
        .into_response()
}

fn later(text: String) -> Response {
    let mut response = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        text + " Try again in a few seconds.",
    );
    let again = header::HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, again);
    response
}
