//! Tests that both passed and failed on the same inputs, with their rates.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use farm_model::kept::Flake;
use farm_model::view::{FlakesView, key};

use super::Dashboard;
use super::api::nothing_yet;
use super::links;
use super::shell::{Section, Shell};
use super::text::Moment;
use super::trouble::Trouble;
use super::views::Document;

#[derive(Template)]
#[template(path = "flakes.html")]
struct FlakesPage {
    shell: Shell,
    flakes: Vec<Line>,
    /// How many are known beyond those.
    more: usize,
}

/// A test on a builder.
pub(super) struct Line {
    pub(super) test: String,
    pub(super) unit: String,
    /// The test's page.
    pub(super) page: String,
    pub(super) builder: String,
    /// The builder's page.
    pub(super) builder_page: String,
    pub(super) repo: String,
    pub(super) rate: String,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) log: String,
}

/// What is known of flaky tests: nothing, where the farm works and has found none yet.
pub(super) async fn load(dashboard: &Dashboard) -> Result<Arc<Document<FlakesView>>, Trouble> {
    if let Some(known) = dashboard.flakes.get(key::FLAKES).await? {
        return Ok(known);
    }
    let farm = dashboard.farm.get(key::FARM).await?;
    let none = FlakesView {
        made: farm.ok_or_else(nothing_yet)?.view.made,
        flakes: Vec::new(),
        count: 0,
    };
    Ok(Arc::new(Document::unwritten(none)?))
}

pub(super) async fn page(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Trouble> {
    let document = load(&dashboard).await?;
    let view = &document.view;
    let page = FlakesPage {
        shell: Shell::new("Flaky tests", &dashboard.name().await?, Some(view.made))
            .on(Section::Flakes),
        flakes: view.flakes.iter().map(line).collect(),
        more: view.count.saturating_sub(view.flakes.len()),
    };
    Ok(Html(page.render()?).into_response())
}

pub(super) fn line(flake: &Flake) -> Line {
    Line {
        test: flake.name.clone(),
        unit: flake.unit.clone(),
        page: links::test(&flake.repo, None, &flake.unit, &flake.name),
        builder: flake.builder.to_string(),
        builder_page: links::builder(&flake.builder),
        repo: flake.repo.to_string(),
        rate: rate(flake),
        first: Moment(flake.first),
        last: Moment(flake.last),
        log: links::read(&flake.evidence),
    }
}

/// `3 of 40 runs (8 %)`.
fn rate(flake: &Flake) -> String {
    let ran = flake.ran.max(flake.flaked);
    let percent = 100.0 * f64::from(flake.flaked) / f64::from(ran.max(1));
    format!("{} of {ran} runs ({percent:.0} %)", flake.flaked)
}
