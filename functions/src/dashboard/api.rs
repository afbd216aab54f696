//! The views as they are, for programs. What is put together from several of them lies with the page that shows it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use farm_model::id::{BuildId, CommitId, RepoName};
use farm_model::view::{GridView, key};
use serde::Deserialize;

use super::Dashboard;
use super::builder;
use super::cache::tagged;
use super::past;
use super::place::{self, WantedQuery};
use super::problem::{Refused, problem};
use super::queue;
use super::set;
use super::tests;
use super::trouble::Trouble;
use super::views::Document;
use crate::bearer;

/// Which page of a branch's history.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SheetQuery {
    sheet: Option<String>,
}

/// Of which repository.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RepoQuery {
    repo: Option<String>,
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
    Query(sheet): Query<SheetQuery>,
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
    let key = match sheet_of(sheet)? {
        None => key::grid(&place.repo.name, place.branch),
        Some(sheet) => key::sheet(&place.repo.name, place.branch, sheet),
    };
    let grid: Option<Arc<Document<GridView>>> = dashboard.grids.get(&key).await?;
    Ok(answer(&*grid.ok_or_else(nothing_yet)?))
}

fn sheet_of(query: SheetQuery) -> Result<Option<u64>, Trouble> {
    let Some(text) = query.sheet.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        Trouble::Unclear("sheet= takes the number of a page of history, from 0.".to_owned())
    })
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
    Query(query): Query<RepoQuery>,
) -> Result<Response, Refused> {
    let commit = id.parse::<CommitId>();
    let repo = query.repo.as_deref().unwrap_or_default();
    let repo = repo.parse::<RepoName>();
    let (Ok(commit), Ok(repo)) = (commit, repo) else {
        let text = "Ask for a commit by its whole id, and say of which repository: ?repo=NAME.";
        return Err(Trouble::Unclear(text.to_owned()).into());
    };
    let document = dashboard.commits.get(&key::commit(&repo, &commit)).await?;
    let missing = || {
        Trouble::Missing(format!(
            "Nothing is known of commit {commit} of {repo}: is it on a branch of this farm?"
        ))
    };
    Ok(answer(&*document.ok_or_else(missing)?))
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
    let flakes = dashboard.flakes.get(key::FLAKES).await?;
    Ok(answer(&*flakes.ok_or_else(nothing_yet)?))
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
