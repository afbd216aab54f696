//! What happened between two moments.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use farm_core::page::at::Changes;
use farm_model::Timestamp;
use farm_model::record::Transition;
use farm_model::view::{Change, DiffAnswer, Few};
use serde::Deserialize;

use super::Dashboard;
use super::cells::Badge;
use super::past;
use super::problem::Refused;
use super::shell::Shell;
use super::text::{Moment, between};
use super::trouble::Trouble;

/// Lines of a list that are shown.
const SHOWN: usize = 200;

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Two {
    at: Option<String>,
    to: Option<String>,
}

/// A query that cannot be read says nothing.
pub(super) type TwoQuery = Result<Query<Two>, axum::extract::rejection::QueryRejection>;

#[derive(Template)]
#[template(path = "diff.html")]
struct Page {
    shell: Shell,
    from: Timestamp,
    to: Timestamp,
    span: String,
    lists: Vec<List>,
    notes: Vec<Note>,
    notes_count: usize,
}

/// Things of one kind that happened.
struct List {
    title: &'static str,
    none: &'static str,
    count: usize,
    rows: Vec<Row>,
}

/// Something that happened to a build.
struct Row {
    at: Moment,
    badge: Badge,
    build: String,
    builder: String,
    repo: String,
    commit: String,
    run: u32,
    text: String,
}

/// Something that is not about a build.
struct Note {
    at: Moment,
    what: String,
    text: String,
}

/// What happened, and between which moments.
struct Found {
    farm: String,
    changes: Changes,
    from: Timestamp,
    to: Timestamp,
}

async fn load(dashboard: &Dashboard, query: TwoQuery) -> Result<Found, Trouble> {
    let Two { at, to } = query.map(|Query(two)| two).unwrap_or_default();
    let now = dashboard.clock.now();
    // Nobody needs an address of nanoseconds.
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let from = past::moment(at.as_deref(), now)?.ok_or_else(|| {
        Trouble::Unclear(
            "Say since when: /diff?at=2026-11-24T15:00:00Z, and up to when with &to=.".to_owned(),
        )
    })?;
    let to = past::moment(to.as_deref(), now)?.unwrap_or(second.max(from));
    if to < from {
        return Err(Trouble::Unclear(format!(
            "{to} lies before {from}: the earlier moment comes first, as at=."
        )));
    }
    let loaded = past::load_until(dashboard, from, to).await?;
    Ok(Found {
        farm: loaded.past.front().name,
        changes: Changes::between(loaded.past, &loaded.lines, to),
        from,
        to,
    })
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    query: TwoQuery,
) -> Result<Response, Trouble> {
    let found = load(&dashboard, query).await?;
    let page = page_of(&found.farm, found.changes, found.from, found.to);
    Ok(Html(page.render()?).into_response())
}

pub(super) async fn json(
    State(dashboard): State<Arc<Dashboard>>,
    query: TwoQuery,
) -> Result<Response, Refused> {
    let found = load(&dashboard, query).await?;
    let Changes {
        opened,
        started,
        lost,
        ended,
        notes,
    } = found.changes;
    let answer = DiffAnswer {
        from: found.from,
        to: found.to,
        opened,
        started,
        lost,
        ended,
        notes,
    };
    Ok(axum::Json(answer).into_response())
}

fn page_of(farm: &str, changes: Changes, from: Timestamp, to: Timestamp) -> Page {
    let Changes {
        opened,
        started,
        lost,
        ended,
        notes,
    } = changes;
    Page {
        shell: Shell::new("What happened", farm, None),
        from,
        to,
        span: between(from, to),
        lists: vec![
            list("Ended", "No run ended.", &ended),
            list("Opened", "No run was opened.", &opened),
            list("Started", "No attempt began.", &started),
            list("Lost and run again", "No attempt was lost.", &lost),
        ],
        notes_count: notes.count,
        notes: notes.first.iter().take(SHOWN).map(note).collect(),
    }
}

fn list(title: &'static str, none: &'static str, changes: &Few<Change>) -> List {
    List {
        title,
        none,
        count: changes.count,
        rows: changes.first.iter().take(SHOWN).map(row).collect(),
    }
}

fn row(change: &Change) -> Row {
    let build = &change.build;
    Row {
        at: Moment(change.at),
        badge: change.status.into(),
        build: build.build.to_string(),
        builder: build.builder.to_string(),
        repo: build.repo.to_string(),
        commit: build.commit.short().to_owned(),
        run: build.run,
        text: change.text.clone(),
    }
}

/// What a line holds, but for what is meant for programs.
fn note(line: &Transition) -> Note {
    let for_people = line.detail.iter().filter(|(name, _)| *name != "commits");
    let said: Vec<String> = for_people
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    Note {
        at: Moment(line.at),
        what: line.to.clone(),
        text: said.join(", "),
    }
}
