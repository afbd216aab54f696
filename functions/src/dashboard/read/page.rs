//! What the page of a log says.

use askama::Template;
use farm_model::Timestamp;
use farm_model::id::AttemptKey;
use farm_model::record::Attempt;
use farm_model::view::{BuildView, key};

use super::search::Hits;
use super::sections::Section;
use super::window::Window;
use super::{Asked, Known, LINES};
use crate::dashboard::Dashboard;
use crate::dashboard::build::{state_of, step_badge};
use crate::dashboard::cells::Badge;
use crate::dashboard::log::{self, Life};
use crate::dashboard::place::{address, encoded};
use crate::dashboard::shell::Shell;
use crate::dashboard::text::{Moment, between, bytes, count};
use crate::dashboard::trouble::Trouble;

/// All that has been read for a page.
pub(super) struct Page<'a> {
    pub(super) dashboard: &'a Dashboard,
    pub(super) attempt: AttemptKey,
    pub(super) life: Life,
    /// Bytes.
    pub(super) end: u64,
    pub(super) known: Known,
    pub(super) window: Window,
    pub(super) excerpt: Option<Window>,
    pub(super) hits: Option<Hits>,
    pub(super) path: String,
    pub(super) asked: Asked,
}

#[derive(Template)]
#[template(path = "read.html")]
struct Read {
    shell: Shell,
    attempt: AttemptKey,
    of: Option<Of>,
    size: String,
    count: String,
    found: Option<Found>,
    parts: Vec<Part>,
    /// What is searched for.
    needle: String,
    search: Option<Search>,
    window: Window,
    /// Pages of the lines before and after.
    earlier: Option<String>,
    later: Option<String>,
    path: String,
    raw: String,
    /// More comes, and the page shows the end.
    follows: bool,
    grows: bool,
}

/// What the build's document says of the attempt.
struct Of {
    /// The branch's page.
    branch: String,
    repo: String,
    branch_name: String,
    builder: String,
    commit: String,
    machine: String,
    badge: Badge,
    reason: String,
    leased: Moment,
    took: String,
    dropped: Option<String>,
}

/// The first error, or the last line.
struct Found {
    line: u64,
    address: String,
    is_error: bool,
    excerpt: String,
}

struct Part {
    address: String,
    name: String,
    is_step: bool,
    badge: Option<Badge>,
    state: String,
    took: String,
}

struct Search {
    lines: Vec<FoundLine>,
    /// Where it goes on.
    more: Option<String>,
}

struct FoundLine {
    line: u64,
    address: String,
    before: String,
    text: String,
    after: String,
}

impl Page<'_> {
    pub(super) async fn render(self) -> Result<String, Trouble> {
        let dashboard = self.dashboard;
        let farm = dashboard.farm.get(key::FARM).await?;
        let farm = farm.as_ref().map_or("", |farm| &farm.view.name);
        let build = dashboard
            .builds
            .get(&key::build(&self.attempt.build))
            .await?;
        let now = dashboard.clock.now();
        let of = build.as_ref().and_then(|build| {
            let record = log::find(&build.view, &self.attempt)?;
            Some(of(&build.view, record, now))
        });
        let title = match &of {
            Some(of) => format!("Log of {} · {}", of.builder, self.attempt.job),
            None => format!("Log of {}", self.attempt.job),
        };
        let shell = Shell::new(title, farm, None);
        Ok(self.read(shell, of).render()?)
    }

    fn read(self, shell: Shell, of: Option<Of>) -> Read {
        let (first, last) = (self.window.first, self.window.last);
        let grows = self.life == Life::Grows;
        Read {
            size: bytes(self.end),
            count: count(self.known.count, "line"),
            found: self.found(),
            parts: self
                .known
                .sections
                .iter()
                .map(|section| self.part(section))
                .collect(),
            needle: self.asked.needle().unwrap_or_default().to_owned(),
            search: self.hits.as_ref().map(|hits| self.search(hits)),
            earlier: (first > 1).then(|| self.with(&format!("to={}", first - 1))),
            later: (last < self.known.count && !(grows && last + 1 == self.known.count))
                .then(|| format!("{}#L{}", self.with(&format!("line={}", last + 1)), last + 1)),
            raw: format!("/log/{}", self.attempt),
            follows: grows && last + LINES > self.known.count,
            grows,
            path: self.path,
            attempt: self.attempt,
            window: self.window,
            shell,
            of,
        }
    }

    /// The same page with another window.
    fn with(&self, window: &str) -> String {
        match self.asked.needle() {
            Some(needle) => format!("{}?{window}&q={}", self.path, encoded(needle)),
            None => format!("{}?{window}", self.path),
        }
    }

    /// A line: on this page if it is there.
    fn line(&self, line: u64) -> String {
        if (self.window.first..=self.window.last).contains(&line) {
            return format!("#L{line}");
        }
        format!("{}#L{line}", self.with(&format!("line={line}")))
    }

    fn found(&self) -> Option<Found> {
        let (found, excerpt) = (self.known.found.as_ref()?, self.excerpt.as_ref()?);
        Some(Found {
            line: found.line,
            address: self.line(found.line),
            is_error: found.is_error,
            excerpt: excerpt.html.clone(),
        })
    }

    fn part(&self, section: &Section) -> Part {
        let (state, took) = section.end.clone().unwrap_or_default();
        Part {
            address: self.line(section.line),
            name: section.name.clone(),
            is_step: section.is_step,
            badge: section.end.is_some().then(|| step_badge(&state)),
            state,
            took,
        }
    }

    fn search(&self, hits: &Hits) -> Search {
        let line = |hit: &super::search::Hit| FoundLine {
            line: hit.line,
            address: self.line(hit.line),
            before: hit.before.clone(),
            text: hit.text.clone(),
            after: hit.after.clone(),
        };
        Search {
            lines: hits.lines.iter().map(line).collect(),
            more: hits.until.map(|until| self.with(&format!("after={until}"))),
        }
    }
}

fn of(view: &BuildView, attempt: &Attempt, now: Timestamp) -> Of {
    let key = &view.build.key;
    let state = state_of(attempt, now);
    let dropped = log::summary(attempt).map_or(0, |log| log.dropped);
    Of {
        branch: address(&key.repo, Some(&key.branch), None),
        repo: key.repo.to_string(),
        branch_name: key.branch.clone(),
        builder: key.builder.to_string(),
        commit: key.commit.short().to_owned(),
        machine: attempt.machine.to_string(),
        badge: state.badge,
        reason: state.reason,
        leased: Moment(attempt.leased),
        took: between(attempt.leased, state.end),
        dropped: (dropped > 0).then(|| bytes(dropped)),
    }
}
