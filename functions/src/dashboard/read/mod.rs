//! The page of a log, for people: the first error on top, its parts, a search, and a window of its lines. Whatever the
//! length of a log, no more of it is in memory than a few pieces.

mod fault;
mod first;
mod index;
mod indexes;
mod lines;
mod page;
mod search;
mod sections;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::AttemptKey;
use farm_model::message::progress::Outcome;
use farm_model::record::{Attempt, AttemptState};
use farm_model::view::key;
use serde::Deserialize;

use self::first::Finding;
use self::index::Index;
pub(super) use self::indexes::Indexes;
use self::lines::Mark;
use self::page::Page;
use self::search::{Hits, Needle};
use self::sections::Section;
use self::window::{Wanted, Window, window};
use super::Dashboard;
use super::log::{self, Life, Source};
use super::trouble::Trouble;

/// Lines of a window.
const LINES: u64 = 2000;
/// Lines before one that is asked for.
const BEFORE: u64 = 20;
/// Lines around the first error.
const EXCERPT: u64 = 8;
/// Tells how many bytes of the log were read for an answer.
const READ: HeaderName = HeaderName::from_static("x-log-read");
/// Characters of what is searched for.
const LONGEST_NEEDLE: usize = 200;

/// The query: what is missing is the end of the log.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// A line to show, with some before it.
    line: Option<u64>,
    /// The last line to show.
    to: Option<u64>,
    /// What to search for.
    q: Option<String>,
    /// From the line after this one on.
    after: Option<u64>,
}

/// What is known of a log when its page is made.
struct Known {
    count: u64,
    sections: Vec<Section>,
    found: Option<Finding>,
    /// A mark before the window, before the first error, and before where a search begins.
    marks: [Mark; 3],
    /// The first line of the window.
    first: u64,
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(parts): Path<log::Parts>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Trouble> {
    let attempt = log::attempt(&parts)?;
    let unclear = |_| Trouble::Unclear("line=, to= and after= are numbers of lines.".to_owned());
    let Query(asked) = asked.map_err(unclear)?;
    let source = Source::of(&dashboard, &attempt).await?;
    let end = log::end(&source, &attempt).await?;
    let known = known(&dashboard, &attempt, &source, end, &asked).await?;
    let path = format!("/read/{attempt}");
    let hits = hits(&dashboard, &source, &known, &asked).await?;
    let window = lines_of(&source, &known, hits.as_ref()).await?;
    let excerpt = excerpt(&source, &known, &path).await?;
    let html = Page {
        dashboard: &dashboard,
        attempt,
        life: source.life(),
        end,
        known,
        window,
        excerpt,
        hits,
        path,
        asked,
    }
    .render()
    .await?;
    let headers = [(READ, HeaderValue::from(source.bytes_read()))];
    Ok((headers, Html(html)).into_response())
}

/// What the index says, which is read up to the end of the log before.
async fn known(
    dashboard: &Dashboard,
    attempt: &AttemptKey,
    source: &Source,
    end: u64,
    asked: &Asked,
) -> Result<Known, Trouble> {
    let build = dashboard.builds.get(&key::build(&attempt.build)).await?;
    let record = build
        .as_ref()
        .and_then(|build| log::find(&build.view, attempt));
    let well = record.is_some_and(came_out_well);
    let index = dashboard.logs.of(attempt, source, end).await?;
    let is_over = source.life() != Life::Grows;
    let found = index.first(is_over).filter(|_| !well);
    let first = first_line(asked, &index);
    let start = found.as_ref().map_or(1, |found| start_of(found));
    let after = asked.after.map_or(1, |after| after.saturating_add(1));
    Ok(Known {
        count: index.count(),
        sections: index.sections().to_vec(),
        found,
        marks: [first, start, after].map(|line| index.before(line)),
        first,
    })
}

fn came_out_well(attempt: &Attempt) -> bool {
    matches!(&attempt.state, AttemptState::Finished { report, .. } if report.outcome == Outcome::Ok)
}

/// Where the window begins: so that it has the line that is asked for, or the log's end.
fn first_line(asked: &Asked, index: &Index) -> u64 {
    let last_window = index.count().saturating_sub(LINES - 1).max(1);
    match (asked.line, asked.to) {
        (Some(line), _) => line.min(index.count()).saturating_sub(BEFORE).max(1),
        (None, Some(to)) => to.saturating_sub(LINES - 1).clamp(1, last_window),
        (None, None) => last_window,
    }
}

fn start_of(found: &Finding) -> u64 {
    found.line.saturating_sub(2).max(1)
}

async fn hits(
    dashboard: &Dashboard,
    source: &Source,
    known: &Known,
    asked: &Asked,
) -> Result<Option<Hits>, Trouble> {
    let Some(text) = asked.needle() else {
        return Ok(None);
    };
    let _turn = dashboard.logs.turn().await?;
    let first = asked.after.map_or(1, |after| after.saturating_add(1));
    let [_, _, mark] = known.marks;
    search::search(source, mark, first, &Needle::new(text))
        .await
        .map(Some)
}

async fn lines_of(source: &Source, known: &Known, hits: Option<&Hits>) -> Result<Window, Trouble> {
    let hits: BTreeSet<u64> = hits
        .iter()
        .flat_map(|hits| &hits.lines)
        .map(|hit| hit.line)
        .collect();
    let [mark, ..] = known.marks;
    let wanted = Wanted {
        mark,
        first: known.first,
        most: LINES,
        page: None,
        hits: &hits,
    };
    window(source, &wanted).await
}

/// The lines around the first error, or the last ones where none is found.
async fn excerpt(source: &Source, known: &Known, path: &str) -> Result<Option<Window>, Trouble> {
    let Some(found) = &known.found else {
        return Ok(None);
    };
    let [_, mark, _] = known.marks;
    let wanted = Wanted {
        mark,
        first: start_of(found),
        most: EXCERPT,
        page: Some(path),
        hits: &BTreeSet::from([found.line]),
    };
    window(source, &wanted).await.map(Some)
}

impl Asked {
    /// What is searched for, if anything is.
    fn needle(&self) -> Option<&str> {
        let text = self.q.as_deref()?;
        let end = text
            .char_indices()
            .nth(LONGEST_NEEDLE)
            .map_or(text.len(), |(at, _)| at);
        Some(&text[..end]).filter(|text| !text.is_empty())
    }
}
