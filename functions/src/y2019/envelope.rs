//! The envelope of 2019: `{"Response":null,"Error":"…"}` and a line end (spec `dashboard.md` 3).

use std::fmt::Display;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::json;
use crate::limit::TooMany;

/// What the client of 2019 takes for "try again in a second"; it gives up on anything else.
const AGAIN_2019: &str = "datastore: concurrent transaction";

/// Done; with something to say, as `Response`.
pub(crate) struct Done(Option<Box<RawValue>>);

impl Done {
    /// With nothing to say.
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// With `response`.
    ///
    /// # Errors
    /// It has keys that are no text.
    pub(crate) fn saying(response: &impl Serialize) -> Result<Self, Refusal> {
        let response = to_raw_value(response).map_err(Refusal::later)?;
        Ok(Self(Some(response)))
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, self.0.as_deref(), "")
    }
}

/// Not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    text: String,
    /// In how many seconds to ask again.
    after: Option<u64>,
}

impl From<TooMany> for Refusal {
    fn from(many: TooMany) -> Self {
        Self {
            after: Some(many.0.as_secs()),
            ..Self::of(StatusCode::TOO_MANY_REQUESTS, many.to_string())
        }
    }
}

impl Refusal {
    /// With a text for the client.
    pub(crate) fn of(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            status,
            text,
            after: None,
        }
    }

    /// The client's words do not make sense.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, text)
    }

    /// Our trouble; `error` is for the log alone.
    pub(crate) fn later(error: impl Display) -> Self {
        tracing::error!(%error, "not now");
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "not now; try again")
    }

    /// The same for a client of 2019, which ends at any status but 200.
    pub(crate) fn later_2019(error: impl Display) -> Self {
        tracing::error!(%error, "not now");
        Self::of(StatusCode::OK, AGAIN_2019)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::info!(status = %self.status, reason = %self.text, "refused");
        let after = self
            .after
            .map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (after, answer(self.status, None, &self.text)).into_response()
    }
}

/// The order of the keys is what clients know.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    response: Option<&'a RawValue>,
    error: &'a str,
}

fn answer(status: StatusCode, response: Option<&RawValue>, error: &str) -> Response {
    // Of texts and JSON: it can be written.
    let body = json::line(&Envelope { response, error }).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body + "\n").into_response()
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
            body(Done::silent().into_response()).await,
            "{\"Response\":null,\"Error\":\"\"}\n"
        );
        let text = r#"invalid key "x" for builder "<y>""#;
        assert_eq!(
            body(Refusal::bad(text).into_response()).await,
            "{\"Response\":null,\"Error\":\"invalid key \\\"x\\\" for builder \\\"\\u003cy\\u003e\\\"\"}\n"
        );
    }
}
