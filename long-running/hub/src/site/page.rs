//! `/status`: for people, and for programs.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_model::id::MachineId;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::report::{HostRow, Report, grouped, make, said, short};
use super::{Asked, Audience, says};
use crate::machines::Wanted;

const STYLE: &str = include_str!("../../templates/style.css");

/// Machines on a page for people.
const ROWS: usize = 200;

/// Machines in one answer to a program.
const ITEMS: usize = 1000;

/// What may be asked for.
#[derive(Debug, Deserialize)]
pub struct Choice {
    /// Machines of this type only.
    host: Option<String>,
    /// Machines whose names come after this one.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    report: Report,
    style: &'static str,
    /// Of which machines are shown only.
    host: Option<&'a str>,
    /// Not the first page.
    further: bool,
    /// Logs can be seen.
    logs: bool,
}

impl Page<'_> {
    /// Only machines of this type are shown.
    fn is_chosen(&self, row: &HostRow) -> bool {
        self.host == Some(row.host_type.as_str())
    }
}

/// A page for whoever takes one, JSON for all others.
pub async fn either(
    State(asked): State<Asked>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Response {
    let answer = if takes_pages(&headers) {
        html(&asked, &choice)
    } else {
        program(&asked, &choice)
    };
    let vary = [(header::VARY, "accept")];
    (vary, answer).into_response()
}

/// JSON.
pub async fn json(State(asked): State<Asked>, Query(choice): Query<Choice>) -> Response {
    program(&asked, &choice)
}

fn takes_pages(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.as_bytes().windows(9).any(|part| part == b"text/html"))
}

fn program(asked: &Asked, choice: &Choice) -> Response {
    match wanted(asked, choice, ITEMS) {
        Ok(wanted) => Json(make(&asked.shown, &wanted)).into_response(),
        Err(answer) => *answer,
    }
}

fn html(asked: &Asked, choice: &Choice) -> Response {
    let wanted = match wanted(asked, choice, ROWS) {
        Ok(wanted) => wanted,
        Err(answer) => return *answer,
    };
    let page = Page {
        report: make(&asked.shown, &wanted),
        style: STYLE,
        host: wanted.host_type.as_ref().map(|host| host.as_str()),
        further: wanted.after.is_some(),
        logs: asked.by == Audience::Operators,
    };
    match page.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, policy())], Html(html)).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn wanted(asked: &Asked, choice: &Choice, most: usize) -> Result<Wanted, Box<Response>> {
    let wrong = |error: farm_model::id::IdError| {
        Box::new(says(StatusCode::BAD_REQUEST, &error.to_string()))
    };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let host_type = given(&choice.host).map(|host| host.parse());
    let after = given(&choice.after).map(|name| MachineId::on(&asked.shown.identity.hub, &name));
    Ok(Wanted {
        host_type: host_type.transpose().map_err(wrong)?,
        after: after.transpose().map_err(wrong)?,
        most,
    })
}

/// Nothing from elsewhere, no script, no frames.
fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests;
