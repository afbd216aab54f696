//! The page of one build: everything that is known of it, and its log as it grows.

mod ask;
mod attempt;
mod budget;
mod graph;
mod near;
mod page;
mod results;
mod run;
mod tail;
mod usual;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::BuildId;
use farm_model::view::key;

use self::ask::Ask;
pub(super) use self::attempt::{state_of, step_badge};
use self::near::near;
use self::page::{Known, page_of};
use self::tail::newest_log;
use super::Dashboard;
use super::past;
use super::place::{self, WantedQuery};
use super::shell::Then;
use super::trouble::Trouble;

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    query: WantedQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let missing = || {
        let id: String = id.chars().take(100).collect();
        Trouble::Missing(format!(
            "There is no build {id}; it may be too old, or not wanted yet."
        ))
    };
    let key = key::build(&id.parse::<BuildId>().map_err(|_| missing())?);
    let document = dashboard.builds.get(&key).await?.ok_or_else(missing)?;
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = farm.as_ref().map_or("", |farm| &farm.view.name);
    let now = dashboard.clock.now();
    let at = past::moment(place::wanted(query).at.as_deref(), now)?;
    let html = match at {
        Some(at) => {
            let then = Then::new(at, &format!("/build/{id}"), now);
            let view = past::build(&document.view, at)?;
            page_of(farm, &view, Known::of_the_past(then), at).render()?
        }
        None => {
            let view = &document.view;
            let known = Known {
                log: newest_log(&dashboard, view).await?,
                near: near(&dashboard, view).await?,
                ask: Some(Ask::of(&dashboard, view, &headers, &uri)),
                then: None,
            };
            page_of(farm, view, known, now).render()?
        }
    };
    Ok(Html(html).into_response())
}
