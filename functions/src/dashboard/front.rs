//! The front page: how the branches stand, the newest commits of one, what is open, and who works.

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
use super::fleet::{self, Host, Open};
use super::past;
use super::place::{self, Place, Wanted, WantedQuery, address};
use super::sheet::{self, GridPart};
use super::shell::{Section, Shell, Then};
use super::tabs::Tabs;
use super::trouble::Trouble;
use super::verdict::Verdict;
use super::views::Document;

/// Nothing written for so long while builds are open is worth a word.
const QUIET: SignedDuration = SignedDuration::from_secs(60);

#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    shell: Shell,
    tabs: Tabs<'a>,
    /// Repository and branch; none while the farm knows no branch.
    place: Option<Place<'a>>,
    verdict: Option<Verdict<'a>>,
    part: Option<GridPart<'a>>,
    troubles: &'a [String],
    open: Vec<Open>,
    open_count: usize,
    hosts: Vec<Host>,
    machines: usize,
    quiet: bool,
}

#[derive(Template)]
#[template(path = "nothing.html")]
struct Nothing {
    shell: Shell,
}

/// What a front page is rendered from.
struct Seen<'a> {
    farm: &'a FarmView,
    place: Option<Place<'a>>,
    grid: Option<&'a GridView>,
    wanted: &'a Wanted,
    tabs: Tabs<'a>,
    quiet: bool,
    /// A past moment, and the one at which it is looked at.
    then: Option<(Timestamp, Timestamp)>,
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let wanted = place::wanted(query);
    let sheet = wanted.sheet()?;
    match past::moment(wanted.at.as_deref(), dashboard.clock.now())? {
        Some(_) if sheet.is_some() => Err(Trouble::Unclear(
            "Of past moments only the newest commits are kept: leave out at=, or sheet=."
                .to_owned(),
        )),
        Some(at) => then(&dashboard, at, &wanted, &headers).await,
        None => now(&dashboard, sheet, &wanted, &headers).await,
    }
}

async fn now(
    dashboard: &Dashboard,
    sheet: Option<u64>,
    wanted: &Wanted,
    headers: &HeaderMap,
) -> Result<Response, Trouble> {
    let Some(farm) = dashboard.farm.get(key::FARM).await? else {
        return nothing();
    };
    let place = place::find(&farm.view, wanted)?;
    let grid = grid_of(dashboard, place.as_ref()).await?;
    if let (Some(place), Some(sheet)) = (place, sheet) {
        let newest = grid.as_deref().map(|grid| &grid.view);
        return sheet::page(dashboard, &farm, &place, newest, sheet, wanted, headers).await;
    }
    let grid = grid.as_deref();
    let view = grid.map(|grid| &grid.view);
    let seen = Seen {
        tabs: Tabs::new("/", &farm.view, place.as_ref(), None)
            .told(dashboard)
            .await,
        quiet: is_quiet(&farm.view, view, dashboard.clock.now()),
        farm: &farm.view,
        place,
        grid: view,
        wanted,
        then: None,
    };
    let tag = tag(&farm, grid, &seen);
    if !wanted.filter.is_empty() {
        // However many filters there are, they do not push out what everybody asks for.
        return Ok(tagged(&tag, Html(render(seen)?)));
    }
    let page = match dashboard.rendered.get(&tag) {
        Some(page) => page,
        None => dashboard.rendered.keep(&tag, &render(seen)?)?,
    };
    Ok(tagged(&tag, page.answer(headers)))
}

/// The page of a past moment. A while later nothing about it can change any more.
async fn then(
    dashboard: &Dashboard,
    at: Timestamp,
    wanted: &Wanted,
    headers: &HeaderMap,
) -> Result<Response, Trouble> {
    let tag = wanted.tag(at);
    let plain = wanted.filter.is_empty();
    if let Some(page) = dashboard.pasts.get(&tag).filter(|_| plain) {
        return Ok(tagged(&tag, page.answer(headers)));
    }
    let past = past::load(dashboard, at).await?.past;
    let farm = past.front();
    let place = place::find(&farm, wanted)?;
    let grid = place
        .as_ref()
        .and_then(|place| past.grid(&place.repo.name, place.branch));
    let now = dashboard.clock.now();
    let html = render(Seen {
        tabs: Tabs::new("/", &farm, place.as_ref(), Some(at)),
        farm: &farm,
        place,
        grid: grid.as_ref(),
        wanted,
        quiet: false,
        then: Some((at, now)),
    })?;
    if past::is_settled(at, now) && plain {
        let page = dashboard.pasts.keep(&tag, &html)?;
        return Ok(tagged(&tag, page.answer(headers)));
    }
    Ok(Html(html).into_response())
}

fn nothing() -> Result<Response, Trouble> {
    let shell = Shell::new("Nothing yet", "", None).on(Section::Grid);
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
fn tag(farm: &Document<FarmView>, grid: Option<&Document<GridView>>, seen: &Seen<'_>) -> String {
    let grid = grid.map_or("", |grid| grid.tag.as_str());
    // Without a grid, two places of the same farm look alike but for their names.
    let place = seen.place.map(|place| place.query()).unwrap_or_default();
    let rest = [place, seen.wanted.filter.query(), seen.tabs.tag()].join("\n");
    format!(
        "{}-{grid}-{}-{}",
        farm.tag,
        sheet::digest(&rest),
        u8::from(seen.quiet)
    )
}

fn newest(farm: &FarmView, grid: Option<&GridView>) -> Timestamp {
    grid.map_or(farm.made, |grid| grid.made.max(farm.made))
}

/// Views are written when something changes: silence may mean that nothing did, or that nobody writes.
fn is_quiet(farm: &FarmView, grid: Option<&GridView>, now: Timestamp) -> bool {
    farm.open_count > 0 && now.duration_since(newest(farm, grid)) > QUIET
}

fn render(seen: Seen<'_>) -> Result<String, Trouble> {
    let Seen {
        farm,
        place,
        grid,
        then,
        ..
    } = seen;
    let at = then.map(|(at, _)| at);
    let part = |place: Place<'_>| {
        let address = address(&place.repo.name, Some(place.branch), None);
        then.map(|(at, now)| Then::new(at, &address, now))
    };
    let page = Front {
        shell: shell(&seen).at(place.and_then(part)),
        verdict: grid.map(|grid| Verdict::new(grid, at)),
        part: grid
            .zip(place)
            .map(|(grid, place)| GridPart::new(grid, grid.total, place, &seen.wanted.filter, at)),
        place,
        troubles: &farm.troubles,
        open: fleet::open(farm),
        open_count: farm.open_count,
        hosts: fleet::hosts(farm),
        machines: farm.machines.len(),
        quiet: seen.quiet,
        tabs: seen.tabs,
    };
    Ok(page.render()?)
}

fn shell(seen: &Seen<'_>) -> Shell {
    let title = seen
        .place
        .map(|place| format!("{} · {}", place.repo.name, place.branch));
    let made = newest(seen.farm, seen.grid);
    let shell = Shell::new(title.unwrap_or_default(), &seen.farm.name, Some(made));
    shell.on(Section::Grid).about(seen.place.as_ref())
}
