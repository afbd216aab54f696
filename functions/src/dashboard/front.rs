//! The front page: one branch of one repository, what is open, and who works.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::view::{FarmView, GridView, key};
use jiff::SignedDuration;

use super::Dashboard;
use super::api::tagged;
use super::cells::Grid;
use super::fleet::{self, Host, Open};
use super::place::{self, Place, WantedQuery, address};
use super::shell::Shell;
use super::trouble::Trouble;
use super::views::Document;

/// Nothing written for so long while builds are open is worth a word.
const QUIET: SignedDuration = SignedDuration::from_secs(60);

#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    shell: Shell,
    repos: Vec<Tab<'a>>,
    branches: Vec<Tab<'a>>,
    /// Repository and branch; none while the farm knows no branch.
    place: Option<Place<'a>>,
    grid: Option<Grid>,
    troubles: &'a [String],
    open: Vec<Open>,
    open_count: usize,
    hosts: Vec<Host>,
    machines: usize,
    quiet: bool,
}

/// A choice in the navigation.
struct Tab<'a> {
    name: &'a str,
    address: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "nothing.html")]
struct Nothing {
    shell: Shell,
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let Some(farm) = dashboard.farm.get(key::FARM).await? else {
        return nothing();
    };
    let place = place::find(&farm.view, query)?;
    let grid = grid_of(&dashboard, place.as_ref()).await?;
    let grid = grid.as_deref();
    let quiet = is_quiet(&farm.view, grid, dashboard.clock.now());
    let tag = tag(&farm, grid, place.as_ref(), quiet);
    let page = match dashboard.fronts.get(&tag) {
        Some(page) => page,
        None => {
            let html = render(&farm.view, place, grid, quiet)?;
            dashboard.fronts.keep(&tag, html)
        }
    };
    Ok(tagged(&headers, &tag, page.answer(&headers)))
}

fn nothing() -> Result<Response, Trouble> {
    let shell = Shell::new("Nothing yet", "", None);
    Ok(Html(Nothing { shell }.render()?).into_response())
}

async fn grid_of(
    dashboard: &Dashboard,
    place: Option<&Place<'_>>,
) -> Result<Option<Arc<Document<GridView>>>, Trouble> {
    let Some(place) = place else {
        return Ok(None);
    };
    let key = key::grid(&place.repo.name, place.branch);
    Ok(dashboard.grids.get(&key).await?)
}

/// Two pages with the same tag are the same.
fn tag(
    farm: &Document<FarmView>,
    grid: Option<&Document<GridView>>,
    place: Option<&Place<'_>>,
    quiet: bool,
) -> String {
    let grid = grid.map_or("", |grid| grid.tag.as_str());
    // Without a grid, two places of the same farm look alike but for their names.
    let place = place.map(|place| address(&place.repo.name, Some(place.branch)));
    let place = hex::encode(place.unwrap_or_default());
    format!("{}-{grid}-{place}-{}", farm.tag, u8::from(quiet))
}

fn newest(farm: &FarmView, grid: Option<&Document<GridView>>) -> Timestamp {
    grid.map_or(farm.made, |grid| grid.view.made.max(farm.made))
}

/// Views are written when something changes: silence may mean that nothing did, or that nobody writes.
fn is_quiet(farm: &FarmView, grid: Option<&Document<GridView>>, now: Timestamp) -> bool {
    farm.open_count > 0 && now.duration_since(newest(farm, grid)) > QUIET
}

fn render(
    farm: &FarmView,
    place: Option<Place<'_>>,
    grid: Option<&Document<GridView>>,
    quiet: bool,
) -> Result<String, Trouble> {
    let title = place
        .as_ref()
        .map(|place| format!("{} · {}", place.repo.name, place.branch));
    let page = Front {
        shell: Shell::new(
            title.unwrap_or_default(),
            &farm.name,
            Some(newest(farm, grid)),
        ),
        repos: repos(farm, place.as_ref()),
        branches: place.as_ref().map(branches).unwrap_or_default(),
        grid: grid.map(|grid| Grid::from(&grid.view)),
        place,
        troubles: &farm.troubles,
        open: fleet::open(farm),
        open_count: farm.open_count,
        hosts: fleet::hosts(farm),
        machines: farm.machines.len(),
        quiet,
    };
    Ok(page.render()?)
}

fn repos<'a>(farm: &'a FarmView, place: Option<&Place<'_>>) -> Vec<Tab<'a>> {
    let tab = |repo: &'a farm_model::view::RepositoryView| Tab {
        name: repo.name.as_str(),
        address: address(&repo.name, None),
        here: place.is_some_and(|place| place.repo.name == repo.name),
    };
    farm.repositories.iter().map(tab).collect()
}

fn branches<'a>(place: &Place<'a>) -> Vec<Tab<'a>> {
    let repo = place.repo;
    let tab = |branch: &'a String| Tab {
        name: branch,
        address: address(&repo.name, Some(branch)),
        here: branch == place.branch,
    };
    repo.branches.iter().map(tab).collect()
}
