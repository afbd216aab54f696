//! The front page as programs of 2019 read it: `/?mode=json` and `/?mode=failures` (spec `dashboard.md` 5.5, 5.6, 13, 17).
//!
//! `repo` is a repository's name or import path; without it, it is the main repository. `branch` is one branch; `all`, or none
//! with `mode=json`, means the commits of all, by time. Where a repository has no branch `master`, that names its default
//! branch. `page` counts by 30 commits; `hash`, as often as wanted, names commits instead.

mod asked;
mod cursor;
mod listing;
mod merge;
mod page;
mod rows;
mod sections;

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use self::asked::{Asked, Mode};
use super::Dashboard;
use super::trouble::Trouble;
use crate::site::Site;
use crate::y2019::json;

/// Answers what was asked in a mode of 2019; passes everything else on.
pub(super) async fn modes(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let Some((mode, asked)) = query.ok().and_then(|Query(pairs)| Asked::read(pairs)) else {
        return next.run(request).await;
    };
    let site = Site::of(request.headers(), request.uri());
    match answer(&dashboard, mode, asked, &site.origin()).await {
        Ok(response) => response,
        Err(trouble) => plain(trouble),
    }
}

async fn answer(
    dashboard: &Dashboard,
    mode: Mode,
    asked: Result<Asked, Trouble>,
    origin: &str,
) -> Result<Response, Trouble> {
    let listing = listing::listing(dashboard, mode, asked?).await?;
    let (kind, text) = match mode {
        Mode::Json => {
            let text = json::indented(&page::status(&listing, origin));
            let text = text.map_err(|error| Trouble::Away(error.to_string()))?;
            ("text/json; charset=utf-8", text)
        }
        Mode::Failures => (
            "text/plain; charset=utf-8",
            page::failures(&listing, origin),
        ),
    };
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// `Error: …`, as programs of 2019 know it, with a status that is true.
fn plain(trouble: Trouble) -> Response {
    let (status, text) = match trouble {
        Trouble::Missing(text) => (StatusCode::NOT_FOUND, text),
        Trouble::Gone(text) => (StatusCode::GONE, text),
        Trouble::Unclear(text) => (StatusCode::BAD_REQUEST, text),
        Trouble::Busy(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
        Trouble::Away(error) => {
            tracing::error!(%error, "builds cannot be listed");
            let text = "not now; try again".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    };
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, format!("Error: {escaped}\n")).into_response()
}
