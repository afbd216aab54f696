//! The page of one build: everything that is known of it, and its log as it grows.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::id::{AttemptKey, BuildId};
use farm_model::message::progress::StepReport;
use farm_model::record::{Attempt, AttemptState, BuildKind, Gone, Job, JobState, Run};
use farm_model::view::{BuildView, Status, key};

use super::Dashboard;
use super::cells::Badge;
use super::log::{self, Tail};
use super::past;
use super::place::{self, WantedQuery, address};
use super::shell::{Shell, Then};
use super::text::{Moment, between, bytes, millis};
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

struct AttemptPart<'a> {
    attempt: &'a Attempt,
    badge: Badge,
    leased: Moment,
    took: String,
    reason: String,
    steps: Vec<StepPart<'a>>,
    log: String,
    /// How large it is, once it has ended.
    size: String,
}

struct StepPart<'a> {
    name: &'a str,
    badge: Badge,
    state: &'a str,
    took: String,
}

/// The log of the newest attempt.
struct LogPart {
    /// Its address.
    log: String,
    name: String,
    tail: Tail,
    dropped: String,
    grows: bool,
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
    Ok(Html(html).into_response())
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

fn attempt_part<'a>(run: &Run, job: &Job, attempt: &'a Attempt, now: Timestamp) -> AttemptPart<'a> {
    let (badge, end, reason) = match &attempt.state {
        AttemptState::Offered => (
            Badge::from(Status::Queued).saying("offered"),
            now,
            String::new(),
        ),
        AttemptState::Running { step, .. } => {
            let step = step.as_ref().map(|step| format!("step {step}"));
            (Status::Running.into(), now, step.unwrap_or_default())
        }
        AttemptState::Finished { at, report } => {
            (report.outcome.into(), *at, report.reason.clone())
        }
        AttemptState::Gone { at, reason, how } => {
            let badge = match how {
                Gone::Refused => Badge::from(Status::Queued).saying("refused"),
                Gone::Restarted => Badge::from(Status::Queued).saying("cut off"),
                Gone::Cancelled => Badge::from(Status::Lost).saying("cancelled"),
                Gone::Silent => Status::Lost.into(),
            };
            (badge, *at, reason.clone())
        }
    };
    let key = run.attempt_key(&job.name, attempt.number);
    let size = log::summary(attempt).map(|log| bytes(log.bytes));
    AttemptPart {
        badge,
        leased: Moment(attempt.leased),
        took: between(attempt.leased, end),
        reason,
        steps: steps(attempt).iter().map(step_part).collect(),
        log: format!("/log/{key}"),
        size: size.unwrap_or_default(),
        attempt,
    }
}

fn steps(attempt: &Attempt) -> &[StepReport] {
    match &attempt.state {
        AttemptState::Finished { report, .. } => &report.steps,
        _ => &[],
    }
}

fn step_part(step: &StepReport) -> StepPart<'_> {
    let status = match step.state.as_str() {
        "ok" => Status::Ok,
        _ => Status::Failed,
    };
    StepPart {
        name: &step.name,
        badge: status.into(),
        state: &step.state,
        took: millis(step.milliseconds),
    }
}

/// The log of the attempt that was leased last, in the newest run that has any.
async fn newest_log(dashboard: &Dashboard, view: &BuildView) -> Result<Option<LogPart>, Trouble> {
    let Some((key, attempt)) = newest_attempt(view) else {
        return Ok(None);
    };
    let ended = log::summary(attempt);
    let dropped = ended.map_or(0, |log| log.dropped);
    Ok(Some(LogPart {
        log: format!("/log/{key}"),
        name: format!("{} on {}", key.job, attempt.machine),
        tail: log::tail(dashboard, &key, ended).await?,
        dropped: if dropped == 0 {
            String::new()
        } else {
            bytes(dropped)
        },
        grows: matches!(
            attempt.state,
            AttemptState::Offered | AttemptState::Running { .. }
        ),
    }))
}

fn newest_attempt(view: &BuildView) -> Option<(AttemptKey, &Attempt)> {
    let mut runs = view.runs.iter().rev();
    let run = runs.find(|run| run.attempts() > 0)?;
    let jobs = run.jobs.iter();
    let attempts = jobs.flat_map(|job| job.attempts.iter().map(move |attempt| (job, attempt)));
    let (job, attempt) = attempts.max_by_key(|(_, attempt)| attempt.leased)?;
    Some((run.attempt_key(&job.name, attempt.number), attempt))
}
