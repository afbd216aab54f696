//! Answers that are no page of anything.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::Site;
use super::shell::Shell;

/// Why there is no page.
pub(super) enum Trouble {
    /// There is no such thing.
    Missing(String),
    /// It was not one of our pages that asked.
    NotOurs,
    /// It cannot be done now.
    Refused(String),
    /// Too many ask at once.
    Busy(String),
    /// A page that cannot be made.
    Broken(String),
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    shell: Shell,
    text: String,
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Missing(text) => (StatusCode::NOT_FOUND, text),
            Self::NotOurs => (
                StatusCode::FORBIDDEN,
                "This form is too old, or is not one of this console's: load the page again."
                    .to_owned(),
            ),
            Self::Refused(text) => (StatusCode::CONFLICT, text),
            Self::Busy(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
            Self::Broken(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
        };
        let page = TroublePage {
            shell: Shell {
                title: "Not there".to_owned(),
                section: "",
                functions: false,
                dead: 0,
            },
            text,
        };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => (status, error.to_string()).into_response(),
        }
    }
}

pub(super) async fn not_found(State(_): State<Arc<Site>>) -> Trouble {
    Trouble::Missing("There is no such page.".to_owned())
}
