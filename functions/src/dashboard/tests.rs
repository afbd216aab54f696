//! The tests that failed on the newest commits of a branch.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::CommitId;
use farm_model::view::{TestLine, TestsView, key};

use super::Dashboard;
use super::api::nothing_yet;
use super::links;
use super::place::{self, WantedQuery};
use super::shell::{Section, Shell};
use super::trouble::Trouble;
use super::views::Document;

/// Tests that the page shows.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "tests.html")]
struct Page<'a> {
    shell: Shell,
    view: &'a TestsView,
    lines: Vec<Line>,
}

struct Line {
    unit: String,
    name: String,
    page: String,
    /// Oldest commit first.
    strip: Vec<Mark>,
    /// `failed on 3 of 30 commits, by chance on 1; on linux, pi`.
    text: String,
}

/// What became of a test on a commit, on all builders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It failed nowhere, or did not run.
    Quiet,
    /// It failed, and passed when it was run again.
    Flaked,
    /// It failed.
    Failed,
}

impl Mark {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Quiet => "\u{b7}",
            Self::Flaked => "~",
            Self::Failed => "\u{2717}",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Quiet => "queued",
            Self::Flaked => "lost",
            Self::Failed => "failed",
        }
    }
}

/// The document of the branch that the query points at. Before a test has failed there, it says that none has.
pub(super) async fn load(
    dashboard: &Dashboard,
    query: WantedQuery,
) -> Result<Arc<Document<TestsView>>, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = farm.ok_or_else(nothing_yet)?;
    let place = place::find(&farm.view, &place::wanted(query))?.ok_or_else(nothing_yet)?;
    let (repo, branch) = (&place.repo.name, place.branch);
    if let Some(known) = dashboard.tests.get(&key::tests(repo, branch)).await? {
        return Ok(known);
    }
    let none = TestsView {
        made: farm.view.made,
        repo: repo.clone(),
        branch: branch.to_owned(),
        commits: Vec::new(),
        tests: Vec::new(),
    };
    Ok(Arc::new(Document::unwritten(none)?))
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
) -> Result<Response, Trouble> {
    let document = load(&dashboard, query).await?;
    let view = &document.view;
    let title = format!("Tests of {} \u{b7} {}", view.repo, view.branch);
    let page = Page {
        shell: Shell::new(title, &dashboard.name().await?, Some(view.made)).on(Section::Tests),
        lines: view
            .tests
            .iter()
            .take(SHOWN)
            .map(|test| line(view, test))
            .collect(),
        view,
    };
    Ok(Html(page.render()?).into_response())
}

fn line(view: &TestsView, test: &TestLine) -> Line {
    let marks = marks(test);
    let strip = view.commits.iter().rev();
    Line {
        unit: test.unit.clone(),
        name: test.name.clone(),
        page: links::test(&view.repo, Some(&view.branch), &test.unit, &test.name),
        text: text(view, test, &marks),
        strip: strip
            .map(|commit| *marks.get(commit).unwrap_or(&Mark::Quiet))
            .collect(),
    }
}

/// By commit: the worst that became of it there.
fn marks(test: &TestLine) -> HashMap<&CommitId, Mark> {
    let mut marks = HashMap::new();
    for failure in &test.failures {
        let mark = marks.entry(&failure.commit).or_insert(Mark::Flaked);
        if !failure.flaked {
            *mark = Mark::Failed;
        }
    }
    marks
}

fn text(view: &TestsView, test: &TestLine, marks: &HashMap<&CommitId, Mark>) -> String {
    let count = |mark| marks.values().filter(|of| **of == mark).count();
    let (failed, flaked) = (count(Mark::Failed), count(Mark::Flaked));
    let commits = view.commits.len();
    let mut said = match (failed, flaked) {
        (0, flaked) => format!("by chance on {flaked} of {commits} commits"),
        (failed, 0) => format!("failed on {failed} of {commits} commits"),
        (failed, flaked) => {
            format!("failed on {failed} of {commits} commits, by chance on {flaked}")
        }
    };
    let mut builders: Vec<&str> = test
        .failures
        .iter()
        .map(|failure| failure.builder.as_str())
        .collect();
    builders.sort_unstable();
    builders.dedup();
    match builders.as_slice() {
        [] => {}
        [one] => said += &format!("; {one}"),
        [one, two] => said += &format!("; {one}, {two}"),
        [one, ..] => said += &format!("; {one} and {} more builders", builders.len() - 1),
    }
    said
}
