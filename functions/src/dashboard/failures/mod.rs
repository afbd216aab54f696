//! What is broken on a branch: which commit broke which builder, and the newest red builds by why they are red.

mod digest;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use farm_model::id::RepoName;
use farm_model::view::{Breakage, BreakagesView, FarmView, GridView, key};
use serde::Serialize;

use self::digest::Group;
use super::Dashboard;
use super::cache::tagged;
use super::commit;
use super::place::{self, Place, WantedQuery};
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::tabs::Tabs;
use super::text::Moment;
use super::trouble::Trouble;
use super::views::Document;

/// Builders of a group that are named; the rest is counted.
const NAMED: usize = 40;
/// Mended breakages that are listed.
const MENDED: usize = 30;

#[derive(Template)]
#[template(path = "failures.html")]
struct FailuresPage<'a> {
    shell: Shell,
    tabs: Tabs<'a>,
    place: Place<'a>,
    feed: String,
    broken: Vec<Line<'a>>,
    mended: Vec<Line<'a>>,
    reasons: Vec<Reason<'a>>,
    /// How many commits were looked at.
    rows: usize,
}

/// A breakage.
struct Line<'a> {
    breakage: &'a Breakage,
    /// The commit that broke it.
    commit: String,
    short: &'a str,
    at: Moment,
    log: Option<String>,
    /// The first green commit after it, its page, and when that was found.
    mended: Option<(&'a str, String, Moment)>,
}

/// Builds that failed for one reason.
struct Reason<'a> {
    text: &'a str,
    by_chance: bool,
    count: usize,
    builders: Vec<Builder<'a>>,
    more: usize,
    log: Option<String>,
}

/// A builder on which it failed.
struct Builder<'a> {
    name: &'a str,
    /// The page of the newest of these builds.
    build: String,
    count: usize,
}

/// For programs.
#[derive(Serialize)]
struct Api<'a> {
    made: farm_model::Timestamp,
    repo: &'a RepoName,
    branch: &'a str,
    breakages: &'a [Breakage],
    reasons: Vec<Group>,
}

/// What a page of failures is made of.
struct Seen {
    farm: Arc<Document<FarmView>>,
    grid: Option<Arc<Document<GridView>>>,
    breakages: Option<Arc<Document<BreakagesView>>>,
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let wanted = place::wanted(query);
    let farm = farm(&dashboard).await?;
    let place = place::find(&farm.view, &wanted)?.ok_or_else(no_branch)?;
    let seen = load(&dashboard, Arc::clone(&farm), &place).await?;
    let tag = seen.tag(&place);
    let page = match dashboard.rendered.get(&tag) {
        Some(page) => page,
        None => {
            let groups = seen.groups();
            let html = page_of(&seen, place, &groups).render()?;
            dashboard.rendered.keep(&tag, &html)?
        }
    };
    Ok(tagged(&tag, page.answer(&headers)))
}

pub(super) async fn api(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
) -> Result<Response, Refused> {
    let wanted = place::wanted(query);
    let farm = farm(&dashboard).await?;
    let place = place::find(&farm.view, &wanted)?.ok_or_else(no_branch)?;
    let seen = load(&dashboard, Arc::clone(&farm), &place).await?;
    let answer = Api {
        made: seen.made(),
        repo: &place.repo.name,
        branch: place.branch,
        breakages: seen.breakages(),
        reasons: seen.groups(),
    };
    Ok(tagged(&seen.tag(&place), axum::Json(answer)).into_response())
}

pub(super) async fn farm(dashboard: &Dashboard) -> Result<Arc<Document<FarmView>>, Trouble> {
    dashboard.farm.get(key::FARM).await?.ok_or_else(no_branch)
}

pub(super) fn no_branch() -> Trouble {
    Trouble::Missing("The farm has read no branch of this repository yet.".to_owned())
}

async fn load(
    dashboard: &Dashboard,
    farm: Arc<Document<FarmView>>,
    place: &Place<'_>,
) -> Result<Seen, Trouble> {
    let (repo, branch) = (&place.repo.name, place.branch);
    Ok(Seen {
        grid: dashboard.grids.get(&key::grid(repo, branch)).await?,
        breakages: dashboard
            .breakages
            .get(&key::breakages(repo, branch))
            .await?,
        farm,
    })
}

impl Seen {
    fn tag(&self, place: &Place<'_>) -> String {
        let grid = self.grid.as_ref().map_or("", |grid| &grid.tag);
        let breakages = self
            .breakages
            .as_ref()
            .map_or("", |breakages| &breakages.tag);
        let farm = &self.farm.view;
        let names = format!("{:?}", (&farm.name, &farm.repositories, place.query()));
        format!("f{grid}-{breakages}-{}", super::sheet::digest(&names))
    }

    fn made(&self) -> farm_model::Timestamp {
        let grid = self.grid.as_ref().map(|grid| grid.view.made);
        let breakages = self.breakages.as_ref().map(|breakages| breakages.view.made);
        grid.max(breakages).unwrap_or(self.farm.view.made)
    }

    fn breakages(&self) -> &[Breakage] {
        let breakages = self.breakages.as_ref();
        breakages.map_or(&[], |breakages| &breakages.view.breakages)
    }

    fn groups(&self) -> Vec<Group> {
        let grid = self.grid.as_ref();
        grid.map(|grid| digest::groups(&grid.view))
            .unwrap_or_default()
    }
}

fn page_of<'a>(seen: &'a Seen, place: Place<'a>, groups: &'a [Group]) -> FailuresPage<'a> {
    let farm = &seen.farm.view;
    let title = format!("Failures · {} · {}", place.repo.name, place.branch);
    let (mended, broken): (Vec<&Breakage>, Vec<&Breakage>) = seen
        .breakages()
        .iter()
        .partition(|breakage| breakage.mended.is_some());
    FailuresPage {
        shell: Shell::new(title, &farm.name, Some(seen.made()))
            .on(Section::Failures)
            .about(Some(&place)),
        tabs: Tabs::new("/failures", farm, Some(&place), None),
        feed: format!("/breakages.atom{}", place.query()),
        broken: broken.into_iter().map(line).collect(),
        mended: mended.into_iter().take(MENDED).map(line).collect(),
        reasons: groups.iter().map(reason).collect(),
        rows: seen.grid.as_ref().map_or(0, |grid| grid.view.rows.len()),
        place,
    }
}

fn line(breakage: &Breakage) -> Line<'_> {
    let address = |id| commit::address(&breakage.repo, id);
    let attempt = breakage.failure.attempt.as_ref();
    let mended = breakage.mended.as_ref();
    Line {
        commit: address(&breakage.commit),
        short: breakage.commit.short(),
        at: Moment(breakage.at),
        log: attempt.map(|attempt| format!("/read/{attempt}")),
        mended: mended.map(|by| (by.commit.short(), address(&by.commit), Moment(by.at))),
        breakage,
    }
}

fn reason(group: &Group) -> Reason<'_> {
    let mut builders = BTreeMap::<&str, Builder<'_>>::new();
    for failed in &group.builds {
        let name = failed.builder.as_str();
        let builder = builders.entry(name).or_insert_with(|| Builder {
            name,
            build: format!("/build/{}", failed.build),
            count: 0,
        });
        builder.count += 1;
    }
    let attempt = group
        .builds
        .iter()
        .find_map(|failed| failed.attempt.as_ref());
    Reason {
        text: if group.reason.is_empty() {
            "no reason is known"
        } else {
            &group.reason
        },
        by_chance: group.by_chance,
        count: group.builds.len(),
        more: builders.len().saturating_sub(NAMED),
        builders: builders.into_values().take(NAMED).collect(),
        log: attempt.map(|attempt| format!("/read/{attempt}")),
    }
}
