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
use super::cache::tagged;
use super::cells::Grid;
use super::fleet::{self, Host, Open};
use super::past;
use super::place::{self, Place, Wanted, WantedQuery, address};
use super::shell::{Shell, Then};
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
    let wanted = place::wanted(query);
    if let Some(at) = past::moment(wanted.at.as_deref(), dashboard.clock.now())? {
        return then(&dashboard, at, wanted, &headers).await;
    }
    let Some(farm) = dashboard.farm.get(key::FARM).await? else {
        return nothing();
    };
    let place = place::find(&farm.view, wanted)?;
    let grid = grid_of(&dashboard, place.as_ref()).await?;
    let grid = grid.as_deref();
    let view = grid.map(|grid| &grid.view);
    let quiet = is_quiet(&farm.view, view, dashboard.clock.now());
    let tag = tag(&farm, grid, place.as_ref(), quiet);
    let page = match dashboard.rendered.get(&tag) {
        Some(page) => page,
        None => {
            let html = render(&farm.view, place, view, quiet, None)?;
            dashboard.rendered.keep(&tag, &html)?
        }
    };
    Ok(tagged(&tag, page.answer(&headers)))
}

/// The page of a past moment. A while later nothing about it can change any more.
async fn then(
    dashboard: &Dashboard,
    at: Timestamp,
    wanted: Wanted,
    headers: &HeaderMap,
) -> Result<Response, Trouble> {
    let tag = wanted.tag(at);
    if let Some(page) = dashboard.pasts.get(&tag) {
        return Ok(tagged(&tag, page.answer(headers)));
    }
    let past = past::load(dashboard, at).await?.past;
    let farm = past.front();
    let place = place::find(&farm, wanted)?;
    let grid = place
        .as_ref()
        .and_then(|place| past.grid(&place.repo.name, place.branch));
    let now = dashboard.clock.now();
    let html = render(&farm, place, grid.as_ref(), false, Some((at, now)))?;
    if past::is_settled(at, now) {
        let page = dashboard.pasts.keep(&tag, &html)?;
        return Ok(tagged(&tag, page.answer(headers)));
    }
    Ok(Html(html).into_response())
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
    let place = place.map(|place| address(&place.repo.name, Some(place.branch), None));
    let place = hex::encode(place.unwrap_or_default());
    format!("{}-{grid}-{place}-{}", farm.tag, u8::from(quiet))
}

fn newest(farm: &FarmView, grid: Option<&GridView>) -> Timestamp {
    grid.map_or(farm.made, |grid| grid.made.max(farm.made))
}

/// Views are written when something changes: silence may mean that nothing did, or that nobody writes.
fn is_quiet(farm: &FarmView, grid: Option<&GridView>, now: Timestamp) -> bool {
    farm.open_count > 0 && now.duration_since(newest(farm, grid)) > QUIET
}

/// With a past moment and the one at which it is looked at, or of now.
fn render(
    farm: &FarmView,
    place: Option<Place<'_>>,
    grid: Option<&GridView>,
    quiet: bool,
    then: Option<(Timestamp, Timestamp)>,
) -> Result<String, Trouble> {
    let title = place
        .as_ref()
        .map(|place| format!("{} · {}", place.repo.name, place.branch));
    let path = place.as_ref().map_or_else(
        || "/".to_owned(),
        |place| address(&place.repo.name, Some(place.branch), None),
    );
    let at = then.map(|(at, _)| at);
    let shell = Shell::new(
        title.unwrap_or_default(),
        &farm.name,
        Some(newest(farm, grid)),
    );
    let page = Front {
        shell: shell.at(then.map(|(at, now)| Then::new(at, &path, now))),
        repos: repos(farm, place.as_ref(), at),
        branches: place
            .as_ref()
            .map(|place| branches(place, at))
            .unwrap_or_default(),
        grid: grid.map(Grid::from),
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

fn repos<'a>(farm: &'a FarmView, place: Option<&Place<'_>>, at: Option<Timestamp>) -> Vec<Tab<'a>> {
    let tab = |repo: &'a farm_model::view::RepositoryView| Tab {
        name: repo.name.as_str(),
        address: address(&repo.name, None, at),
        here: place.is_some_and(|place| place.repo.name == repo.name),
    };
    farm.repositories.iter().map(tab).collect()
}

fn branches<'a>(place: &Place<'a>, at: Option<Timestamp>) -> Vec<Tab<'a>> {
    let repo = place.repo;
    let tab = |branch: &'a String| Tab {
        name: branch,
        address: address(&repo.name, Some(branch), at),
        here: branch == place.branch,
    };
    repo.branches.iter().map(tab).collect()
}
