//! One attempt: where it ran, its steps, how it stands.

use farm_model::Timestamp;
use farm_model::message::progress::StepReport;
use farm_model::record::{Attempt, AttemptState, Gone, Job, Run};
use farm_model::view::Status;

use super::usual::Usual;
use crate::dashboard::cells::Badge;
use crate::dashboard::log;
use crate::dashboard::text::{Moment, between, bytes, millis};

pub(super) struct AttemptPart<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) badge: Badge,
    pub(super) leased: Moment,
    pub(super) took: String,
    pub(super) usual: Option<Usual>,
    pub(super) reason: String,
    pub(super) steps: Vec<StepPart<'a>>,
    /// The page of its log.
    pub(super) log: String,
    /// How large that is, once it has ended.
    pub(super) size: String,
}

pub(super) struct StepPart<'a> {
    pub(super) name: &'a str,
    pub(super) badge: Badge,
    pub(super) state: &'a str,
    pub(super) took: String,
}

/// How an attempt stands.
pub(in crate::dashboard) struct State {
    pub(in crate::dashboard) badge: Badge,
    /// When it ended; now, while it is under way.
    pub(in crate::dashboard) end: Timestamp,
    /// Why it ended so, or what it does; empty where there is nothing to say.
    pub(in crate::dashboard) reason: String,
}

/// How `attempt` stands at the moment `now`.
pub(in crate::dashboard) fn state_of(attempt: &Attempt, now: Timestamp) -> State {
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
        AttemptState::Gone { at, reason, how } => (gone(*how), *at, reason.clone()),
    };
    State { badge, end, reason }
}

fn gone(how: Gone) -> Badge {
    match how {
        Gone::Refused => Badge::from(Status::Queued).saying("refused"),
        Gone::Restarted => Badge::from(Status::Queued).saying("cut off"),
        Gone::Cancelled => Badge::from(Status::Lost).saying("cancelled"),
        Gone::Silent => Status::Lost.into(),
    }
}

pub(super) fn attempt_part<'a>(
    run: &Run,
    job: &Job,
    attempt: &'a Attempt,
    usual: Option<f64>,
    now: Timestamp,
) -> AttemptPart<'a> {
    let state = state_of(attempt, now);
    let took = state.end.duration_since(attempt.leased).as_secs_f64();
    let key = run.attempt_key(&job.name, attempt.number);
    let size = log::summary(attempt).map(|log| bytes(log.bytes));
    AttemptPart {
        badge: state.badge,
        leased: Moment(attempt.leased),
        took: between(attempt.leased, state.end),
        usual: Usual::of(took, usual, log::is_over(attempt)),
        reason: state.reason,
        steps: steps(attempt).iter().map(step_part).collect(),
        log: format!("/read/{key}"),
        size: size.unwrap_or_default(),
        attempt,
    }
}

/// A time as [`millis`] writes it.
pub(super) fn seconds(seconds: f64) -> String {
    // A negative or unknown time is none.
    millis((seconds * 1000.0) as u64)
}

fn steps(attempt: &Attempt) -> &[StepReport] {
    match &attempt.state {
        AttemptState::Finished { report, .. } => &report.steps,
        _ => &[],
    }
}

fn step_part(step: &StepReport) -> StepPart<'_> {
    StepPart {
        name: &step.name,
        badge: step_badge(&step.state),
        state: &step.state,
        took: millis(step.milliseconds),
    }
}

/// How a step ended, by what is said of it.
pub(in crate::dashboard) fn step_badge(state: &str) -> Badge {
    let status = match state {
        "ok" => Status::Ok,
        lost if lost.starts_with("lost") => Status::Lost,
        _ => Status::Failed,
    };
    status.into()
}
