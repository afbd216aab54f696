//! What the page of a build says.

use askama::Template;
use farm_model::Timestamp;
use farm_model::record::BuildKind;
use farm_model::view::{BuildView, Status};

use super::ask::Ask;
use super::budget::BudgetPart;
use super::near::Near;
use super::results::{Results, results};
use super::run::{RunPart, run_part};
use super::tail::LogPart;
use crate::dashboard::cells::Badge;
use crate::dashboard::place::address;
use crate::dashboard::shell::{Shell, Then};
use crate::dashboard::text::Moment;

#[derive(Template)]
#[template(path = "build.html")]
pub(super) struct BuildPage<'a> {
    shell: Shell,
    view: &'a BuildView,
    badge: Badge,
    /// A try set's name.
    set: Option<&'a str>,
    /// The branch's page.
    branch: String,
    wanted: Moment,
    committed: Option<Moment>,
    is_open: bool,
    newest: Option<RunPart<'a>>,
    /// Newest first.
    older: Vec<RunPart<'a>>,
    results: Option<Results>,
    budget: Option<BudgetPart>,
    log: Option<LogPart>,
    near: Near,
    ask: Option<Ask>,
}

/// What is known beside the build's document.
pub(super) struct Known {
    pub(super) log: Option<LogPart>,
    pub(super) near: Near,
    /// Nothing can be asked of the past.
    pub(super) ask: Option<Ask>,
    pub(super) then: Option<Then>,
}

impl Known {
    pub(super) fn of_the_past(then: Then) -> Self {
        Self {
            log: None,
            near: Near::default(),
            ask: None,
            then: Some(then),
        }
    }
}

/// The page as of `now`.
pub(super) fn page_of<'a>(
    farm: &str,
    view: &'a BuildView,
    known: Known,
    now: Timestamp,
) -> BuildPage<'a> {
    let key = &view.build.key;
    let title = format!("{} · {}", key.builder, key.commit.short());
    let at = known.then.as_ref().map(|then| then.at);
    let mut runs = view.runs.iter().rev().map(|run| run_part(run, view, now));
    BuildPage {
        branch: address(&key.repo, Some(&key.branch), at),
        shell: Shell::new(title, farm, Some(view.made)).at(known.then),
        badge: view.status.into(),
        set: match &key.kind {
            BuildKind::PostSubmit | BuildKind::Canary { .. } => None,
            BuildKind::Try { set } => Some(set),
        },
        wanted: Moment(view.build.wanted),
        committed: view.commit.as_ref().map(|commit| Moment(commit.time)),
        is_open: matches!(view.status, Status::Queued | Status::Running),
        newest: runs.next(),
        older: runs.collect(),
        results: results(view),
        budget: view.budget.as_ref().map(BudgetPart::of),
        log: known.log,
        near: known.near,
        ask: known.ask,
        view,
    }
}
