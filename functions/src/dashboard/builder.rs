//! One builder: what it did lately, how long that took and waited, and what of it fails by chance.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::BuilderName;
use farm_model::kept::Flake;
use farm_model::record::BuildKind;
use farm_model::view::{BuilderRun, BuilderView, key};

use super::Dashboard;
use super::cells::Badge;
use super::commit;
use super::flakes::{self, Line};
use super::links;
use super::shell::{Section, Shell};
use super::text::{Moment, between, seconds};
use super::trend::{self, Day, Spark};
use super::trouble::Trouble;
use super::views::Document;
use super::waits::Waits;

/// Runs of the list; the strip and the trends show all of them.
const SHOWN: usize = 60;

#[derive(Template)]
#[template(path = "builder.html")]
struct Page<'a> {
    shell: Shell,
    view: &'a BuilderView,
    queue: Option<String>,
    usual: String,
    paused: Option<Moment>,
    /// Oldest first.
    strip: Vec<Row>,
    took: Spark,
    waited: Spark,
    days: Vec<Day>,
    /// Newest first.
    rows: Vec<Row>,
    flakes: Vec<Line>,
}

/// A build.
struct Row {
    badge: Badge,
    build: String,
    run: u32,
    repo: String,
    branch: String,
    /// The commit of the main repository that it is built against.
    against: String,
    /// Name and page of its try set.
    set: Option<(String, String)>,
    commit: String,
    short: String,
    subject: String,
    took: String,
    waited: String,
    opened: Moment,
    why: String,
    log: Option<String>,
    by_chance: bool,
}

/// The document of the builder of this name.
pub(super) async fn load(
    dashboard: &Dashboard,
    name: &str,
) -> Result<Arc<Document<BuilderView>>, Trouble> {
    let shown: String = name.chars().take(100).collect();
    let missing = || {
        Trouble::Missing(format!(
            "Nothing is known of a builder {shown}: farm.toml has none of that name, or the coordinator's version does not \
             tell. /builders lists those that there are."
        ))
    };
    let key = key::builder(&name.parse::<BuilderName>().map_err(|_| missing())?);
    dashboard.builders.get(&key).await?.ok_or_else(missing)
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let document = load(&dashboard, &name).await?;
    let view = &document.view;
    let (farm, waits) = dashboard.farm_and_waits().await?;
    let row = |of| row(of, &waits, view.made);
    let page = Page {
        shell: Shell::new(view.builder.as_str(), &farm, Some(view.made)).on(Section::Builders),
        queue: view.host_type.as_ref().map(links::queue),
        usual: view
            .usual
            .map_or_else(String::new, |usual| seconds(usual.seconds)),
        paused: view.pause.as_ref().map(|pause| Moment(pause.at)),
        strip: view.runs.iter().rev().map(row).collect(),
        took: trend::took(&view.runs),
        waited: trend::waited(&view.runs),
        days: trend::days(&view.runs),
        rows: view.runs.iter().take(SHOWN).map(row).collect(),
        flakes: view
            .flakes
            .iter()
            .map(|flake: &Flake| flakes::line(flake))
            .collect(),
        view,
    };
    Ok(Html(page.render()?).into_response())
}

fn row(of: &BuilderRun, waits: &Waits, now: farm_model::Timestamp) -> Row {
    let line = &of.line;
    let failure = line.failure.as_ref();
    let reason = failure.map(|failure| failure.reason.as_str());
    let took = |began| between(began, line.finished.unwrap_or(now));
    Row {
        badge: line.status.into(),
        build: line.build.to_string(),
        run: line.run,
        repo: of.repo.to_string(),
        branch: line.branch.clone(),
        against: against(of),
        set: set(of),
        commit: commit::address(&of.repo, &of.commit),
        short: of.commit.short().to_owned(),
        subject: of.subject.clone(),
        took: line.began.map_or_else(String::new, took),
        waited: between(line.opened, line.began.or(line.finished).unwrap_or(now)),
        opened: Moment(line.opened),
        why: reason
            .or(waits.of(&line.build))
            .unwrap_or_default()
            .to_owned(),
        log: failure
            .and_then(|failure| failure.attempt.as_ref())
            .map(links::read),
        by_chance: failure.is_some_and(|failure| failure.by_chance),
    }
}

fn against(of: &BuilderRun) -> String {
    let against = of.line.against.as_ref();
    against.map_or_else(String::new, |against| {
        format!("against {} {}", against.repo, against.commit.short())
    })
}

fn set(of: &BuilderRun) -> Option<(String, String)> {
    match &of.line.kind {
        BuildKind::Try { set } => Some((set.clone(), links::set(set))),
        BuildKind::PostSubmit | BuildKind::Canary { .. } => None,
    }
}
