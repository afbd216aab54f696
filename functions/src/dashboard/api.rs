//! The views as they are, for programs. What is put together from several of them lies with the page that shows it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::id::BuildId;
use farm_model::view::key;

use super::Dashboard;
use super::builder;
use super::cache::tagged;
use super::commit;
use super::flakes;
use super::past;
use super::place::{self, WantedQuery};
use super::problem::{Refused, problem};
use super::queue;
use super::set;
use super::tests;
use super::trouble::Trouble;
use super::views::Document;
use crate::bearer;

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
        let place = place::find(&farm, &wanted)?.ok_or_else(nothing_yet)?;
        let grid = past.grid(&place.repo.name, place.branch);
        return Ok(axum::Json(grid.ok_or_else(nothing_yet)?).into_response());
    }
    let farm = dashboard
        .farm
        .get(key::FARM)
        .await?
        .ok_or_else(nothing_yet)?;
    let place = place::find(&farm.view, &wanted)?.ok_or_else(nothing_yet)?;
    let (repo, branch) = (&place.repo.name, place.branch);
    let key = match wanted.sheet()? {
        Some(sheet) => key::sheet(repo, branch, sheet),
        None => key::grid(repo, branch),
    };
    let grid = dashboard.grids.get(&key).await?;
    Ok(answer(&*grid.ok_or_else(nothing_yet)?))
}

pub(super) async fn build(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    let missing = || {
        Trouble::Missing(format!(
            "There is no build {id:?}: it may be too old, or not wanted yet."
        ))
    };
    let key = key::build(&id.parse::<BuildId>().map_err(|_| missing())?);
    let build = dashboard.builds.get(&key).await?.ok_or_else(missing)?;
    let at = place::wanted(query).at;
    if let Some(at) = past::moment(at.as_deref(), dashboard.clock.now())? {
        return Ok(axum::Json(past::build(&build.view, at)?).into_response());
    }
    Ok(answer(&build))
}

pub(super) async fn commit(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    Ok(answer(&*commit::load(&dashboard, &id, query).await?))
}

pub(super) async fn builder(
    State(dashboard): State<Arc<Dashboard>>,
    Path(name): Path<String>,
) -> Result<Response, Refused> {
    Ok(answer(&*builder::load(&dashboard, &name).await?))
}

pub(super) async fn queue(
    State(dashboard): State<Arc<Dashboard>>,
    Path(host): Path<String>,
) -> Result<Response, Refused> {
    Ok(answer(&*queue::load(&dashboard, &host).await?))
}

pub(super) async fn set(
    State(dashboard): State<Arc<Dashboard>>,
    Path(name): Path<String>,
) -> Result<Response, Refused> {
    Ok(answer(&*set::load(&dashboard, &name).await?))
}

pub(super) async fn tests(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    Ok(answer(&*tests::load(&dashboard, query).await?))
}

pub(super) async fn flakes(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    Ok(answer(&*flakes::load(&dashboard).await?))
}

/// Who asked for what, and why, is between those who may ask.
pub(super) async fn audit(
    State(dashboard): State<Arc<Dashboard>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let Some(tokens) = &dashboard.tokens else {
        let text = "What people ask for is not shown here: FARM_TOKEN_KEY is not set.";
        return Ok(problem(StatusCode::FORBIDDEN, text.to_owned()));
    };
    if let Err(why) = bearer::subject(tokens, &headers, dashboard.clock.now()) {
        return Ok(problem(StatusCode::UNAUTHORIZED, why));
    }
    let audit = dashboard.audit.get(key::AUDIT).await?;
    Ok(answer(&*audit.ok_or_else(nothing_yet)?))
}

/// What a page says as well before there is anything to show.
pub(super) fn nothing_yet() -> Trouble {
    Trouble::Missing(
        "There is nothing yet: the coordinator writes it once it has read its sources. Ask again later."
            .to_owned(),
    )
}

fn answer<T>(document: &Document<T>) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    tagged(&document.tag, ([kind], document.bytes.clone()))
}
