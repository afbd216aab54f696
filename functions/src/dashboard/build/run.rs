//! One run: its jobs and their attempts.

use farm_model::Timestamp;
use farm_model::id::JobName;
use farm_model::record::{Job, JobState, Run};
use farm_model::view::{BuildView, Status};
use std::collections::BTreeMap;

use super::attempt::{AttemptPart, attempt_part};
use super::graph::{Group, Node, graph, groups};
use crate::dashboard::cells::Badge;
use crate::dashboard::text::{Moment, between};

pub(super) struct RunPart<'a> {
    pub(super) run: &'a Run,
    /// The newest one, to which the page's own links lead.
    pub(super) is_newest: bool,
    pub(super) badge: Badge,
    pub(super) opened: Moment,
    pub(super) took: String,
    pub(super) reason: &'a str,
    /// Its jobs in columns; none where there is one alone.
    pub(super) graph: Vec<Vec<Node>>,
    pub(super) groups: Vec<GroupPart<'a>>,
}

/// A job, or shards of one kind.
pub(super) struct GroupPart<'a> {
    pub(super) name: String,
    pub(super) anchor: String,
    pub(super) is_many: bool,
    pub(super) badge: Badge,
    pub(super) count: String,
    /// Shown at once, rather than when it is asked for.
    pub(super) is_open: bool,
    pub(super) jobs: Vec<JobPart<'a>>,
}

pub(super) struct JobPart<'a> {
    pub(super) job: &'a Job,
    pub(super) badge: Badge,
    /// Newest first.
    pub(super) attempts: Vec<AttemptPart<'a>>,
}

pub(super) fn run_part<'a>(run: &'a Run, view: &'a BuildView, now: Timestamp) -> RunPart<'a> {
    let is_newest = run.number == view.build.run;
    let verdict = run.verdict.as_ref();
    let end = verdict.map_or(now, |verdict| verdict.at);
    let badge = match verdict {
        Some(verdict) => verdict.outcome.into(),
        None if is_newest => view.status.into(),
        None => Status::Queued.into(),
    };
    let groups = groups(run);
    let parts = groups
        .iter()
        .map(|group| group_part(run, group, &view.usual, now));
    RunPart {
        badge,
        opened: Moment(run.opened),
        took: between(run.opened, end),
        reason: verdict.map_or("", |verdict| &verdict.reason),
        graph: graph(&groups),
        groups: parts.collect(),
        is_newest,
        run,
    }
}

fn group_part<'a>(
    run: &Run,
    group: &Group<'a>,
    usual: &BTreeMap<JobName, f64>,
    now: Timestamp,
) -> GroupPart<'a> {
    let badge = group.badge();
    let jobs = group.jobs.iter().map(|job| job_part(run, job, usual, now));
    let mut jobs: Vec<JobPart<'a>> = jobs.collect();
    // What failed is looked for, and shards are many.
    jobs.sort_by_key(|job| job.badge.class != "failed");
    GroupPart {
        name: group.name.clone(),
        anchor: group.anchor(),
        is_many: group.is_many(),
        count: group.count(),
        is_open: matches!(badge.class, "failed" | "lost" | "running"),
        badge,
        jobs,
    }
}

fn job_part<'a>(
    run: &Run,
    job: &'a Job,
    usual: &BTreeMap<JobName, f64>,
    now: Timestamp,
) -> JobPart<'a> {
    let usual = usual.get(&job.name).copied();
    let attempts = job.attempts.iter().rev();
    JobPart {
        badge: job_badge(job),
        attempts: attempts
            .map(|attempt| attempt_part(run, job, attempt, usual, now))
            .collect(),
        job,
    }
}

/// How a job stands.
pub(super) fn job_badge(job: &Job) -> Badge {
    match &job.state {
        JobState::Blocked => Badge::from(Status::Queued).saying("blocked"),
        JobState::Dropped => Badge::from(Status::Lost).saying("not run"),
        JobState::Waiting { .. } => Badge::from(Status::Queued).saying("waiting"),
        JobState::Leased => Status::Running.into(),
        JobState::Done { outcome } => (*outcome).into(),
    }
}
