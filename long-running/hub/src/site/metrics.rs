//! `/metrics`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::{Asked, Audience, not_found, says};

/// As OpenMetrics 1.0 names itself.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where everybody can ask, only with the token, and as if there were no such page where none is set.
pub async fn text(State(asked): State<Asked>, headers: HeaderMap) -> Response {
    if asked.by == Audience::Public {
        match &asked.shown.metrics_token {
            None => return not_found().await,
            Some(token) if !presents(&headers, token) => {
                let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
                let refused = says(StatusCode::UNAUTHORIZED, "metrics need the bearer token");
                return (challenge, refused).into_response();
            }
            Some(_) => {}
        }
    }
    match asked.shown.exposition.text() {
        Ok(text) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn presents(headers: &HeaderMap, token: &str) -> bool {
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    presented
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .is_some_and(|(_, presented)| {
            bool::from(presented.trim().as_bytes().ct_eq(token.as_bytes()))
        })
}
