//! The views as they are, for programs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::id::BuildId;
use farm_model::view::key;
use serde_json::json;

use super::Dashboard;
use super::cache::tagged;
use super::past;
use super::place::{self, WantedQuery};
use super::trouble::Trouble;
use super::views::Document;
use crate::bearer;

/// A page's trouble, for a program.
pub(super) struct Refused(Trouble);

impl<E: Into<Trouble>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self.0 {
            Trouble::Missing(text) => (StatusCode::NOT_FOUND, text),
            Trouble::Unclear(text) => (StatusCode::BAD_REQUEST, text),
            Trouble::Busy(text) => (StatusCode::SERVICE_UNAVAILABLE, text + " Try again."),
            Trouble::Away(error) => {
                tracing::error!(%error, "a view cannot be read");
                let text = "not now; try again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, text)
            }
        };
        refusal(status, &text)
    }
}

fn refusal(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "error": text }))).into_response()
}

pub(super) async fn farm(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    let wanted = place::wanted(query);
    if let Some(at) = past::moment(wanted.at.as_deref(), dashboard.clock.now())? {
        let past = past::load(&dashboard, at).await?.past;
        return Ok(axum::Json(past.front()).into_response());
    }
    let farm = dashboard.farm.get(key::FARM).await?;
    Ok(answer(&*farm.ok_or_else(nothing_yet)?))
}

pub(super) async fn status(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    let status = dashboard.status.get(key::STATUS).await?;
    Ok(answer(&*status.ok_or_else(nothing_yet)?))
}

pub(super) async fn grid(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    let wanted = place::wanted(query);
    if let Some(at) = past::moment(wanted.at.as_deref(), dashboard.clock.now())? {
        let past = past::load(&dashboard, at).await?.past;
        let farm = past.front();
        let place = place::find(&farm, wanted)?.ok_or_else(nothing_yet)?;
        let grid = past.grid(&place.repo.name, place.branch);
        return Ok(axum::Json(grid.ok_or_else(nothing_yet)?).into_response());
    }
    let farm = dashboard
        .farm
        .get(key::FARM)
        .await?
        .ok_or_else(nothing_yet)?;
    let place = place::find(&farm.view, wanted)?.ok_or_else(nothing_yet)?;
    let key = key::grid(&place.repo.name, place.branch);
    let grid = dashboard.grids.get(&key).await?;
    Ok(answer(&*grid.ok_or_else(nothing_yet)?))
}

pub(super) async fn build(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    let missing = || Trouble::Missing(format!("There is no build {id:?}."));
    let key = key::build(&id.parse::<BuildId>().map_err(|_| missing())?);
    let build = dashboard.builds.get(&key).await?.ok_or_else(missing)?;
    let at = place::wanted(query).at;
    if let Some(at) = past::moment(at.as_deref(), dashboard.clock.now())? {
        return Ok(axum::Json(past::build(&build.view, at)?).into_response());
    }
    Ok(answer(&build))
}

pub(super) async fn flakes(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    let flakes = dashboard.flakes.get(key::FLAKES).await?;
    Ok(answer(&*flakes.ok_or_else(nothing_yet)?))
}

/// Who asked for what, and why, is between those who may ask.
pub(super) async fn audit(
    State(dashboard): State<Arc<Dashboard>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let Some(tokens) = &dashboard.tokens else {
        let text = "what people ask for is not shown here: FARM_TOKEN_KEY is not set";
        return Ok(refusal(StatusCode::FORBIDDEN, text));
    };
    if let Err(why) = bearer::subject(tokens, &headers, dashboard.clock.now()) {
        return Ok(refusal(StatusCode::UNAUTHORIZED, &why));
    }
    let audit = dashboard.audit.get(key::AUDIT).await?;
    Ok(answer(&*audit.ok_or_else(nothing_yet)?))
}

fn nothing_yet() -> Trouble {
    Trouble::Missing("There is nothing yet.".to_owned())
}

fn answer<T>(document: &Document<T>) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    tagged(&document.tag, ([kind], document.bytes.clone()))
}
