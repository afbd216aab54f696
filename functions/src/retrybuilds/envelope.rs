//! The envelope of 2019: `{"Response":null,"Error":"…"}` and a line end (spec `dashboard.md` 3).

use std::fmt::Display;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// What the client of 2019 takes for "try again in a second"; it gives up on anything else.
const AGAIN_2019: &str = "datastore: concurrent transaction";

/// Done, with nothing to say.
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, "")
    }
}

/// Not done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// With a text for the client.
    pub(super) fn of(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    /// The client's words do not make sense.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, text)
    }

    /// Our trouble; `error` is for the log alone.
    pub(super) fn later(error: impl Display) -> Self {
        tracing::error!(%error, "a command was not published");
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "not now; try again")
    }

    /// The same for a client of 2019, which ends at any status but 200.
    pub(super) fn later_2019(error: impl Display) -> Self {
        tracing::error!(%error, "a command was not published");
        Self::of(StatusCode::OK, AGAIN_2019)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::info!(status = %self.status, reason = %self.text, "refused");
        answer(self.status, &self.text)
    }
}

/// Go escapes what a browser might take for markup.
fn answer(status: StatusCode, error: &str) -> Response {
    let text = Value::from(error)
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    let body = format!("{{\"Response\":null,\"Error\":{text}}}\n");
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 1000).await;
        String::from_utf8(body.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn success_and_errors_are_the_known_bytes() {
        assert_eq!(
            body(Done.into_response()).await,
            "{\"Response\":null,\"Error\":\"\"}\n"
        );
        let text = r#"invalid key "x" for builder "<y>""#;
        assert_eq!(
            body(Refusal::bad(text).into_response()).await,
            "{\"Response\":null,\"Error\":\"invalid key \\\"x\\\" for builder \\\"\\u003cy\\u003e\\\"\"}\n"
        );
    }
}
