//! What a person is told whose form was not taken.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::dashboard::notice;

#[derive(Template)]
#[template(path = "not_done.html")]
struct NotDone<'a> {
    text: &'a str,
    way: Option<&'a str>,
    word: &'a str,
}

/// A page with `text`, and a link to go on: where, and in which words.
pub(crate) fn not_done(
    status: StatusCode,
    heading: &'static str,
    text: &str,
    way: Option<(&str, &str)>,
) -> Response {
    let (way, word) = way.unzip();
    let word = word.unwrap_or_default();
    let body = NotDone { text, way, word }.render();
    notice::page(status, heading, &body.unwrap_or_default())
}

/// The address of the sign-in that comes back to `back`.
pub(crate) fn sign_in(back: &str) -> String {
    format!(
        "/sign-in?back={}",
        utf8_percent_encode(back, NON_ALPHANUMERIC)
    )
}
