//! The page of one build: everything that is known of it, and its log as it grows.

mod attempt;
mod tail;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::id::BuildId;
use farm_model::record::{BuildKind, Job, JobState, Run};
use farm_model::view::{BuildView, Status, key};

use self::attempt::{AttemptPart, attempt_part};
pub(super) use self::attempt::{state_of, step_badge};
use self::tail::{LogPart, newest_log};
use super::Dashboard;
use super::cells::Badge;
use super::past;
use super::place::{self, WantedQuery, address};
use super::shell::{Shell, Then};
use super::text::{Moment, between};
use super::trouble::Trouble;

#[derive(Template)]
#[template(path = "build.html")]
struct BuildPage<'a> {
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
    log: Option<LogPart>,
}

struct RunPart<'a> {
    run: &'a Run,
    badge: Badge,
    opened: Moment,
    took: String,
    reason: &'a str,
    jobs: Vec<JobPart<'a>>,
}

struct JobPart<'a> {
    job: &'a Job,
    badge: Badge,
    /// Newest first.
    attempts: Vec<AttemptPart<'a>>,
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    query: WantedQuery,
) -> Result<Response, Trouble> {
    let missing = || {
        let id: String = id.chars().take(100).collect();
        Trouble::Missing(format!(
            "There is no build {id}; it may be too old, or not wanted yet."
        ))
    };
    let key = key::build(&id.parse::<BuildId>().map_err(|_| missing())?);
    let document = dashboard.builds.get(&key).await?.ok_or_else(missing)?;
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = farm.as_ref().map_or("", |farm| &farm.view.name);
    let now = dashboard.clock.now();
    let at = past::moment(place::wanted(query).at.as_deref(), now)?;
    let html = match at {
        Some(at) => {
            let then = Then::new(at, &format!("/build/{id}"), now);
            let view = past::build(&document.view, at)?;
            page_of(farm, &view, None, Some(then), at).render()?
        }
        None => {
            let log = newest_log(&dashboard, &document.view).await?;
            page_of(farm, &document.view, log, None, now).render()?
        }
    };
    let fresh = [(axum::http::header::CACHE_CONTROL, "no-cache")];
    Ok((fresh, Html(html)).into_response())
}

fn page_of<'a>(
    farm: &str,
    view: &'a BuildView,
    log: Option<LogPart>,
    then: Option<Then>,
    now: Timestamp,
) -> BuildPage<'a> {
    let key = &view.build.key;
    let title = format!("{} · {}", key.builder, key.commit.short());
    let mut runs = view.runs.iter().rev().map(|run| run_part(run, view, now));
    BuildPage {
        branch: address(
            &key.repo,
            Some(&key.branch),
            then.as_ref().map(|then| then.at),
        ),
        shell: Shell::new(title, farm, Some(view.made)).at(then),
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
        log,
        view,
    }
}

fn run_part<'a>(run: &'a Run, view: &BuildView, now: Timestamp) -> RunPart<'a> {
    let is_newest = run.number == view.build.run;
    let verdict = run.verdict.as_ref();
    let end = verdict.map_or(now, |verdict| verdict.at);
    let badge = match verdict {
        Some(verdict) => verdict.outcome.into(),
        None if is_newest => view.status.into(),
        None => Status::Queued.into(),
    };
    RunPart {
        badge,
        opened: Moment(run.opened),
        took: between(run.opened, end),
        reason: verdict.map_or("", |verdict| &verdict.reason),
        jobs: run.jobs.iter().map(|job| job_part(run, job, now)).collect(),
        run,
    }
}

fn job_part<'a>(run: &Run, job: &'a Job, now: Timestamp) -> JobPart<'a> {
    let attempts = job.attempts.iter().rev();
    JobPart {
        badge: match &job.state {
            JobState::Blocked => Badge::from(Status::Queued).saying("blocked"),
            JobState::Dropped => Badge::from(Status::Lost).saying("not run"),
            JobState::Waiting { .. } => Badge::from(Status::Queued).saying("waiting"),
            JobState::Leased => Status::Running.into(),
            JobState::Done { outcome } => (*outcome).into(),
        },
        attempts: attempts
            .map(|attempt| attempt_part(run, job, attempt, now))
            .collect(),
        job,
    }
}
