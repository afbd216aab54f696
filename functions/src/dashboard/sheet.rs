//! Thirty commits of a branch, newest first: the part that the front page has, and the page of an older sheet.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::view::{FarmView, GridView, SHEET_ROWS, Status, key};
use sha2::{Digest, Sha256};

use super::Dashboard;
use super::cache::{Keep, tagged};
use super::filter::{Filter, in_order};
use super::grid::{Grid, ROOMY};
use super::pages::{Pages, pages};
use super::place::{Place, Wanted, address};
use super::shell::{Section, Shell};
use super::tabs::Tabs;
use super::trouble::Trouble;
use super::views::Document;
use crate::columns::{self, Column};

/// A grid with its filter and the ways to other pages.
pub(super) struct GridPart<'a> {
    pub(super) repo: &'a str,
    pub(super) branch: &'a str,
    pub(super) sheet: Option<u64>,
    pub(super) grid: Grid<'a>,
    pub(super) pages: Option<Pages>,
    pub(super) filter: &'a Filter,
    /// Groups to choose from; none where that would be no choice.
    pub(super) groups: Vec<&'a str>,
    /// Some builders are of first-class ports, and some are not.
    pub(super) ports: bool,
    /// The page without a filter, where there is one.
    pub(super) clear: Option<String>,
    /// Rows and columns there are without a filter.
    pub(super) all_rows: usize,
    pub(super) all_columns: usize,
    /// The commit's page: what follows its id.
    pub(super) of_repo: String,
}

impl<'a> GridPart<'a> {
    /// Of a view of a branch with `total` commits.
    pub(super) fn new(
        view: &'a GridView,
        total: u64,
        place: Place<'a>,
        filter: &'a Filter,
        at: Option<Timestamp>,
    ) -> Self {
        let names: Vec<&str> = in_order(view)
            .into_iter()
            .map(|at| view.builders[at].as_str())
            .collect();
        let systems = names.len() > ROOMY && columns::are_systems(names.iter().copied());
        let first = |name: &&str| Column::new(name).is_first_class();
        let here = address(&place.repo.name, Some(place.branch), at);
        let sheet = view.sheet.map(|sheet| format!("&sheet={sheet}"));
        Self {
            repo: place.repo.name.as_str(),
            branch: place.branch,
            sheet: view.sheet,
            grid: Grid::new(view, &filter.apply(view)),
            pages: pages(view, total, &place, filter).filter(|_| at.is_none()),
            filter,
            ports: systems && names.iter().any(first) && !names.iter().all(first),
            groups: if systems { groups(&names) } else { Vec::new() },
            clear: (!filter.is_empty()).then(|| here + &sheet.unwrap_or_default()),
            all_rows: view.rows.len(),
            all_columns: view.builders.len(),
            of_repo: super::place::query(&place.repo.name, None),
        }
    }
}

/// The groups of builders, by name; none where they are all in one.
fn groups<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let groups: BTreeSet<&str> = names.iter().map(|name| Column::new(name).group).collect();
    match groups.len() {
        ..=1 => Vec::new(),
        _ => groups.into_iter().collect(),
    }
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage<'a> {
    shell: Shell,
    tabs: Tabs<'a>,
    place: Place<'a>,
    part: GridPart<'a>,
    is_open: bool,
}

/// The page of an older sheet.
pub(super) async fn page(
    dashboard: &Dashboard,
    farm: &Document<FarmView>,
    place: &Place<'_>,
    newest: Option<&GridView>,
    sheet: u64,
    wanted: &Wanted,
    headers: &HeaderMap,
) -> Result<Response, Trouble> {
    let key = key::sheet(&place.repo.name, place.branch, sheet);
    let missing = || {
        Trouble::Missing(format!(
            "{} of {} has no sheet {sheet}.",
            place.branch, place.repo.name
        ))
    };
    let document = dashboard.grids.get(&key).await?.ok_or_else(missing)?;
    let view = &document.view;
    // A sheet is not written again when the branch grows beyond it.
    let total = newest.map_or(0, |grid| grid.total).max(view.total);
    let tabs = Tabs::new("/", &farm.view, Some(place), None);
    let names = digest(&format!("{:?}", (&farm.view.name, &farm.view.repositories)));
    let filter = &wanted.filter;
    let tag = format!(
        "{}-{names}-{total}-{}",
        document.tag,
        digest(&(place.query() + &filter.query()))
    );
    let render = || -> Result<String, Trouble> {
        let page = SheetPage {
            shell: shell(&farm.view.name, place, view),
            tabs,
            place: *place,
            part: GridPart::new(view, total, *place, filter, None),
            is_open: is_open(view),
        };
        Ok(page.render()?)
    };
    let answer = match dashboard.rendered.get(&tag) {
        _ if !filter.is_empty() => Html(render()?).into_response(),
        Some(page) => page.answer(headers),
        None => dashboard.rendered.keep(&tag, &render()?)?.answer(headers),
    };
    let keep = if is_over(view) {
        Keep::Settled
    } else {
        Keep::Now
    };
    Ok((keep, tagged(&tag, answer)).into_response())
}

fn shell(farm: &str, place: &Place<'_>, view: &GridView) -> Shell {
    let number = |row: Option<&farm_model::view::GridRow>| row.map_or(0, |row| row.number + 1);
    let (last, first) = (number(view.rows.last()), number(view.rows.first()));
    let title = format!(
        "{} · {} · {last}\u{2013}{first}",
        place.repo.name, place.branch
    );
    Shell::new(title, farm, Some(view.made))
        .on(Section::Grid)
        .about(Some(place))
}

fn is_open(view: &GridView) -> bool {
    let mut cells = view.rows.iter().flat_map(|row| row.cells.iter().flatten());
    cells.any(|cell| matches!(cell.status, Status::Queued | Status::Running))
}

/// All of its commits are there, and all of their builds are over.
fn is_over(view: &GridView) -> bool {
    view.rows.len() as u64 == SHEET_ROWS && !is_open(view)
}

/// A short name for a text.
pub(super) fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..8])
}
