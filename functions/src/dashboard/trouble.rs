//! Pages for what is not there, or cannot be read now.

use askama::Template;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use farm_bucket::BucketError;

use super::problem::Refused;
use super::shell::Shell;
use super::views::ViewError;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It does not exist: what was asked for, as a sentence.
    Missing(String),
    /// It was there, and is not kept any more: what, since when and why, as sentences.
    Gone(String),
    /// The question makes no sense.
    Unclear(String),
    /// Not now, for others ask as well: why, as a sentence.
    Busy(String),
    /// The bucket cannot be read, or holds something else; for the log.
    Away(String),
}

impl From<ViewError> for Trouble {
    fn from(error: ViewError) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<BucketError> for Trouble {
    fn from(error: BucketError) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        Self::Away(error.to_string())
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page {
    shell: Shell,
    heading: &'static str,
    text: String,
    /// It tries again by itself.
    again: bool,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        match self {
            Self::Missing(text) => page(StatusCode::NOT_FOUND, "There is no such page", text),
            Self::Gone(text) => page(StatusCode::GONE, "It is no longer kept", text),
            Self::Unclear(text) => page(StatusCode::BAD_REQUEST, "That cannot be answered", text),
            Self::Busy(text) => later("Not right now", text + " This page tries again by itself."),
            Self::Away(error) => {
                tracing::error!(%error, "a page cannot be shown");
                let text = "Builds are not affected. This page tries again by itself.".to_owned();
                later("The farm\u{2019}s data cannot be read right now", text)
            }
        }
    }
}

fn later(heading: &'static str, text: String) -> Response {
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, heading, text);
    let again = header::HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, again);
    response
}

fn page(status: StatusCode, heading: &'static str, text: String) -> Response {
    let shell = Shell::new(heading, "", None);
    let page = Page {
        shell,
        heading,
        text,
        again: status.is_server_error(),
    };
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, heading).into_response(),
    }
}

/// What has no route, in the form of what lies beside it.
pub(super) async fn not_found(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let text = format!("Nothing lies at {path}.");
    if path.starts_with("/api/") {
        let help = format!("{text} /openapi.json tells what does.");
        return Refused::from(Trouble::Missing(help)).into_response();
    }
    Trouble::Missing(text).into_response()
}
