//! A try set: the builds of one change that is on no branch.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::view::{BuildLine, SetView, Status, key};

use super::Dashboard;
use super::cells::Badge;
use super::commit;
use super::links;
use super::shell::Shell;
use super::text::{Moment, between};
use super::trouble::Trouble;
use super::views::Document;

#[derive(Template)]
#[template(path = "set.html")]
struct Page<'a> {
    shell: Shell,
    view: &'a SetView,
    commit: String,
    /// As a whole.
    badge: Badge,
    over: usize,
    failed: usize,
    lines: Vec<Line>,
}

struct Line {
    badge: Badge,
    builder: String,
    page: String,
    build: String,
    run: u32,
    opened: Moment,
    took: String,
    /// Why it waits, or why it failed.
    why: String,
    log: Option<String>,
    by_chance: bool,
}

/// The document of the try set of this name.
pub(super) async fn load(
    dashboard: &Dashboard,
    name: &str,
) -> Result<Arc<Document<SetView>>, Trouble> {
    let shown: String = name.chars().take(100).collect();
    let missing = || {
        Trouble::Missing(format!(
            "There is no try set {shown}; it may be too old, or not wanted yet."
        ))
    };
    let document = dashboard.sets.get(&key::set(name)).await?;
    document.ok_or_else(missing)
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let document = load(&dashboard, &name).await?;
    let view = &document.view;
    let (farm, waits) = dashboard.farm_and_waits().await?;
    let lines = view.builds.iter();
    let lines = lines.map(|of| line(of, waits.of(&of.build), view.made));
    let count = |is: fn(Status) -> bool| view.builds.iter().filter(|of| is(of.status)).count();
    let page = Page {
        shell: Shell::new(format!("Try set {}", view.set), &farm, Some(view.made)),
        commit: commit::address(&view.repo, &view.commit),
        badge: whole(view).into(),
        over: count(is_over),
        failed: count(|status| status == Status::Failed),
        lines: lines.collect(),
        view,
    };
    Ok(Html(page.render()?).into_response())
}

pub(super) fn is_over(status: Status) -> bool {
    matches!(status, Status::Ok | Status::Failed | Status::Lost)
}

/// What a set is as a whole: failed as soon as one build is, ok once all are.
fn whole(view: &SetView) -> Status {
    let any = |status| view.builds.iter().any(|of| of.status == status);
    let order = [
        Status::Failed,
        Status::Running,
        Status::Queued,
        Status::Lost,
    ];
    order
        .into_iter()
        .find(|status| any(*status))
        .unwrap_or(if view.builds.is_empty() {
            Status::Queued
        } else {
            Status::Ok
        })
}

fn line(of: &BuildLine, waits: Option<&str>, now: farm_model::Timestamp) -> Line {
    let failure = of.failure.as_ref();
    let reason = failure.map(|failure| failure.reason.as_str());
    Line {
        badge: of.status.into(),
        builder: of.builder.to_string(),
        page: links::builder(&of.builder),
        build: of.build.to_string(),
        run: of.run,
        opened: Moment(of.opened),
        took: of.began.map_or_else(String::new, |began| {
            between(began, of.finished.unwrap_or(now))
        }),
        why: reason.or(waits).unwrap_or_default().to_owned(),
        log: failure
            .and_then(|failure| failure.attempt.as_ref())
            .map(links::read),
        by_chance: failure.is_some_and(|failure| failure.by_chance),
    }
}
