//! A build as it was: its record says of everything when it happened, so its page of now is cut off at that moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use farm_model::message::progress::Outcome;
use farm_model::record::{Attempt, AttemptState, Job, JobState, Run};
use farm_model::view::{BuildView, Status};

use crate::farm::status_of;

/// The page of that moment; none if the build was not wanted yet. Which step an attempt was at, and why a job waited, is not
/// known of the past.
#[must_use]
pub fn build(now: &BuildView, at: Timestamp) -> Option<BuildView> {
    let before = now.runs.iter().filter(|run| run.opened <= at);
    let runs: Vec<Run> = before.map(|run| run_then(run, at)).collect();
    let newest = runs.last()?;
    let status = status_of(newest);
    let mut build = now.build.clone();
    build.run = newest.number;
    Some(BuildView {
        made: at,
        why: why(newest, status),
        status,
        build,
        runs,
        reason: None,
        expected: None,
        usual: BTreeMap::new(),
        budget: None,
        ..now.clone()
    })
}

fn why(run: &Run, status: Status) -> String {
    let attempts = run.jobs.iter().flat_map(|job| &job.attempts);
    let current = attempts.rev().find(|attempt| is_current(attempt));
    match (status, current) {
        (Status::Running, Some(attempt)) => format!("on {}", attempt.machine),
        _ => String::new(),
    }
}

fn is_current(attempt: &Attempt) -> bool {
    matches!(
        attempt.state,
        AttemptState::Offered | AttemptState::Running { .. }
    )
}

fn run_then(run: &Run, at: Timestamp) -> Run {
    let verdict = run.verdict.clone().filter(|verdict| verdict.at <= at);
    let jobs = run.jobs.iter().map(|job| job_then(job, at));
    Run {
        jobs: if verdict.is_some() {
            run.jobs.clone()
        } else {
            jobs.collect()
        },
        verdict,
        ..run.clone()
    }
}

fn job_then(job: &Job, at: Timestamp) -> Job {
    let before = job.attempts.iter().filter(|attempt| attempt.leased <= at);
    let attempts: Vec<Attempt> = before.map(|attempt| attempt_then(attempt, at)).collect();
    let state = match attempts.last().map(|last| &last.state) {
        Some(AttemptState::Offered | AttemptState::Running { .. }) => JobState::Leased,
        Some(AttemptState::Finished { report, .. }) if report.outcome != Outcome::Lost => {
            JobState::Done {
                outcome: report.outcome,
            }
        }
        // Not begun, or lost and to be tried again. A job that waited for others is shown as waiting too.
        _ => JobState::Waiting { not_before: at },
    };
    Job {
        state,
        attempts,
        ..job.clone()
    }
}

fn attempt_then(attempt: &Attempt, at: Timestamp) -> Attempt {
    let ended = match &attempt.state {
        AttemptState::Finished { at, .. } | AttemptState::Gone { at, .. } => Some(*at),
        AttemptState::Offered | AttemptState::Running { .. } => None,
    };
    let state = match (&attempt.state, ended) {
        (AttemptState::Running { since, .. }, _) if *since > at => AttemptState::Offered,
        // When its hub took it is not kept once it has ended.
        (_, Some(ended)) if ended > at => AttemptState::Offered,
        (state, _) => state.clone(),
    };
    Attempt {
        state,
        ..attempt.clone()
    }
}
