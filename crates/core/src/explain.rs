//! Why does this wait? One reason, the same in page, JSON and command.

use jiff::Timestamp;

use farm_model::id::BuildId;
use farm_model::record::{AttemptState, JobState, Run};

use crate::farm::{Farm, current_attempt};
use crate::queue::JobRef;

/// Jobs ahead are counted up to here.
const COUNTED: usize = 1000;

/// Why the newest run of a build waits, or where it runs; empty once it is over.
#[must_use]
pub fn explain(farm: &Farm, id: &BuildId, now: Timestamp) -> String {
    let Some(run) = farm.runs(id).last().filter(|run| run.verdict.is_none()) else {
        return String::new();
    };
    if let Some(attempt) = current_attempt(run) {
        return match &attempt.state {
            AttemptState::Running {
                step: Some(step), ..
            } => format!("step {step} on {}", attempt.machine),
            AttemptState::Running { .. } => format!("preparing {}", attempt.machine),
            _ => format!("offered to {}", attempt.machine),
        };
    }
    let waiting = run
        .jobs
        .iter()
        .position(|job| matches!(job.state, JobState::Waiting { .. }));
    waiting
        .map(|job| {
            why_waiting(
                farm,
                run,
                JobRef {
                    build: id.clone(),
                    job,
                },
                now,
            )
        })
        .unwrap_or_default()
}

fn why_waiting(farm: &Farm, run: &Run, job: JobRef, now: Timestamp) -> String {
    if let JobState::Waiting { not_before } = run.jobs[job.job].state
        && not_before > now
    {
        let seconds = not_before.duration_since(now).as_secs_f64().ceil();
        return format!("pausing {seconds} s after {}", last_trouble(run, job.job));
    }
    let builder = farm
        .build(&job.build)
        .and_then(|build| farm.config().builders.get(&build.key.builder));
    let Some(host) = builder.map(|builder| &builder.host) else {
        return "its builder is no longer in farm.toml".to_owned();
    };
    match (farm.machines_of(host), farm.queue().ahead(&job, COUNTED)) {
        (0, _) => format!("no machine of host type {host} is connected"),
        (n, Some(0)) => format!("next; {n} of {host} busy"),
        (n, Some(ahead)) if ahead < COUNTED => format!("{ahead} ahead of it; {n} of {host} busy"),
        (n, Some(_)) => format!("more than {COUNTED} ahead of it; {n} of {host} busy"),
        (_, None) => "about to be queued".to_owned(),
    }
}

fn last_trouble(run: &Run, job: usize) -> String {
    match run.jobs[job].attempts.last().map(|attempt| &attempt.state) {
        Some(AttemptState::Gone { reason, .. }) => reason.clone(),
        Some(AttemptState::Finished { report, .. }) => report.reason.clone(),
        _ => "a change".to_owned(),
    }
}
