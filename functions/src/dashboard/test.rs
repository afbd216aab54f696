//! One test: on which commits and builders it failed, what it said, and how often it does so by chance.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::{BuilderName, CommitId};
use farm_model::kept::Flake;
use farm_model::view::{TestAnswer, TestFailure, TestLine, key};
use serde::Deserialize;

use super::Dashboard;
use super::commit;
use super::flakes;
use super::links;
use super::place::WantedQuery;
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::terminal::plain;
use super::tests::{self, Mark};
use super::trouble::Trouble;

/// Outputs that the page shows.
const SHOWN: usize = 30;

/// Which test.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TestQuery {
    unit: Option<String>,
    name: Option<String>,
}

#[derive(Template)]
#[template(path = "test.html")]
struct Page<'a> {
    shell: Shell,
    answer: &'a TestAnswer,
    tests: String,
    builders: Vec<(String, String)>,
    /// Newest commit first; those without a failure are left out.
    rows: Vec<Row>,
    outputs: Vec<Output>,
    flakes: Vec<flakes::Line>,
}

/// A commit.
struct Row {
    page: String,
    short: String,
    /// One a builder: mark, word and log.
    cells: Vec<Option<Cell>>,
}

struct Cell {
    mark: Mark,
    word: &'static str,
    log: String,
}

/// What it said somewhere.
struct Output {
    commit: String,
    short: String,
    builder: String,
    word: &'static str,
    log: String,
    text: String,
}

async fn load(
    dashboard: &Dashboard,
    query: WantedQuery,
    test: TestQuery,
) -> Result<TestAnswer, Trouble> {
    let unit = test.unit.filter(|unit| !unit.is_empty()).ok_or_else(|| {
        Trouble::Unclear(
            "Say which test: &unit= and, for one inside it, &name=. /tests lists those that failed."
                .to_owned(),
        )
    })?;
    let name = test.name.unwrap_or_default();
    let document = tests::load(dashboard, query).await?;
    let view = &document.view;
    let is = |of: &&TestLine| of.unit == unit && of.name == name;
    let found = view.tests.iter().find(is).cloned();
    let flakes = dashboard.flakes.get(key::FLAKES).await?;
    let known = flakes.iter().flat_map(|flakes| &flakes.view.flakes);
    let of_it =
        |flake: &&Flake| flake.repo == view.repo && flake.unit == unit && flake.name == name;
    Ok(TestAnswer {
        made: view.made,
        repo: view.repo.clone(),
        branch: view.branch.clone(),
        commits: view.commits.clone(),
        flakes: known.filter(of_it).cloned().collect(),
        test: found.unwrap_or_else(|| TestLine {
            unit,
            name,
            failures: Vec::new(),
        }),
    })
}

pub(super) async fn json(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    Query(test): Query<TestQuery>,
) -> Result<Response, Refused> {
    let answer = load(&dashboard, query, test).await?;
    Ok(axum::Json(answer).into_response())
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    Query(test): Query<TestQuery>,
) -> Result<Response, Trouble> {
    let answer = load(&dashboard, query, test).await?;
    let builders: BTreeSet<&BuilderName> = answer
        .test
        .failures
        .iter()
        .map(|failure| &failure.builder)
        .collect();
    let title = match answer.test.name.as_str() {
        "" => answer.test.unit.clone(),
        name => format!("{name} \u{b7} {}", answer.test.unit),
    };
    let shown = answer.test.failures.iter().take(SHOWN);
    let page = Page {
        shell: Shell::new(title, &dashboard.name().await?, Some(answer.made)).on(Section::Tests),
        tests: links::tests(&answer.repo, &answer.branch),
        rows: rows(&answer, &builders),
        outputs: shown.map(|failure| output(&answer, failure)).collect(),
        flakes: answer.flakes.iter().map(flakes::line).collect(),
        builders: builders
            .into_iter()
            .map(|builder| (builder.to_string(), links::builder(builder)))
            .collect(),
        answer: &answer,
    };
    Ok(Html(page.render()?).into_response())
}

fn rows(answer: &TestAnswer, builders: &BTreeSet<&BuilderName>) -> Vec<Row> {
    let mut at = HashMap::<(&CommitId, &BuilderName), &TestFailure>::new();
    for failure in &answer.test.failures {
        at.entry((&failure.commit, &failure.builder))
            .or_insert(failure);
    }
    let row = |commit: &CommitId| Row {
        page: commit::address(&answer.repo, commit),
        short: commit.short().to_owned(),
        cells: builders
            .iter()
            .map(|builder| at.get(&(commit, *builder)).map(|failure| cell(failure)))
            .collect(),
    };
    let rows = answer.commits.iter().map(row);
    rows.filter(|row| row.cells.iter().any(Option::is_some))
        .collect()
}

fn cell(failure: &TestFailure) -> Cell {
    Cell {
        mark: match failure.flaked {
            true => Mark::Flaked,
            false => Mark::Failed,
        },
        word: word(failure),
        log: links::read(&failure.attempt),
    }
}

fn word(failure: &TestFailure) -> &'static str {
    match failure.flaked {
        true => "flaked",
        false => "failed",
    }
}

fn output(answer: &TestAnswer, failure: &TestFailure) -> Output {
    Output {
        commit: commit::address(&answer.repo, &failure.commit),
        short: failure.commit.short().to_owned(),
        builder: failure.builder.to_string(),
        word: word(failure),
        log: links::read(&failure.attempt),
        text: plain_lines(&failure.output),
    }
}

fn plain_lines(text: &str) -> String {
    let lines = text.lines().map(|line| plain(line.as_bytes()));
    lines.collect::<Vec<_>>().join("\n")
}
