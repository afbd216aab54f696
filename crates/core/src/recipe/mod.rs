//! What a builder's recipe means: the jobs of a run, those that follow from what a job found, and what each does on its
//! machine. A recipe knows nothing of machines, queues and losses; the life of runs knows nothing of recipes.

pub mod go;
mod shard;
mod steps;

use std::collections::BTreeMap;

use farm_model::config::{Builder, FarmConfig, Recipe};
use farm_model::id::{BlobId, HostType};
use farm_model::kept::{Kept, KeptKey};
use farm_model::message::progress::AttemptReport;
use farm_model::message::work::{SourceRef, Step};
use farm_model::record::{Build, Job, JobState, Part, Run};

use crate::book::Book;
use crate::plan::Branches;

/// What a recipe looks at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The configuration in force.
    pub config: &'a FarmConfig,
    /// The builder.
    pub builder: &'a Builder,
    /// The build.
    pub build: &'a Build,
    /// What was learned.
    pub book: &'a Book,
    /// The branches of all repositories, as last read.
    pub branches: &'a Branches,
}

/// What a job does on its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// In order; the first failure ends it.
    pub steps: Vec<Step>,
    /// Environment of every command.
    pub env: BTreeMap<String, String>,
}

/// What a job goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// An empty work dir.
    Nothing,
    /// The work dir of another job of the run, as that left it.
    WorkDir,
    /// What the setup of the run kept.
    Snapshot(BlobId),
}

/// The jobs that a run begins with.
#[must_use]
pub fn opening(context: &Context<'_>) -> Vec<Job> {
    match &context.builder.recipe {
        Recipe::Steps { tests, .. } => steps::opening(tests.as_ref()),
        Recipe::Go(go) => go::opening(context, go),
    }
}

/// The jobs that follow from what `job` reported, once it came out well. Asked once a run for each part.
#[must_use]
pub fn after(context: &Context<'_>, run: &Run, job: &Job, report: &AttemptReport) -> Vec<Job> {
    let is_answered = run.jobs.iter().any(|known| known.needs.contains(&job.name));
    match &context.builder.recipe {
        // The setup was done again for shards that are there.
        _ if is_answered && matches!(job.part, Part::Setup) && !report.units.is_empty() => {
            Vec::new()
        }
        Recipe::Steps { tests: None, .. } => Vec::new(),
        Recipe::Steps {
            tests: Some(tests), ..
        } => steps::after(context, tests, job, report),
        Recipe::Go(go) => go::after(context, go, job, report),
    }
}

/// What `job` does, given what it goes on from.
#[must_use]
pub fn program(context: &Context<'_>, job: &Job, base: &Base) -> Program {
    match &context.builder.recipe {
        Recipe::Steps { steps, tests } => steps::program(context, steps, tests.as_ref(), job, base),
        Recipe::Go(go) => go::program(context, go, job, base),
    }
}

/// Whether a job of this part can begin with nothing, where neither work dir nor snapshot of the setup is left.
#[must_use]
pub fn begins_with_nothing(context: &Context<'_>, job: &Job) -> bool {
    match (&context.builder.recipe, &job.part) {
        (Recipe::Go(_), _) => go::begins_with_nothing(context, job),
        (Recipe::Steps { .. }, Part::Whole | Part::Setup) => true,
        (Recipe::Steps { tests, .. }, _) => tests.as_ref().is_none_or(|tests| !tests.keep),
    }
}

/// The kind of machine that a job wants: its builder's, but for what is made across.
#[must_use]
pub fn host<'a>(context: &Context<'a>, job: &Job) -> &'a HostType {
    let other = match &context.builder.recipe {
        Recipe::Steps { .. } => None,
        Recipe::Go(go) => go::host(context, go, job),
    };
    other.unwrap_or(&context.builder.host)
}

/// What every command of a recipe of steps has: its host's variables, then the builder's own.
fn environment(context: &Context<'_>) -> BTreeMap<String, String> {
    let host = context.config.hosts.get(&context.builder.host);
    let mut env = host.map(|host| host.env.clone()).unwrap_or_default();
    env.extend(context.builder.env.clone());
    env
}

/// What another build has kept of the same commit, where a job can go on from it.
#[must_use]
pub fn known_snapshot(context: &Context<'_>, job: &Job) -> Option<BlobId> {
    let key = snapshot_key(context, job)?;
    match context.book.get(key.kind, &key.key) {
        Some(Kept::Snapshot(snapshot)) => Some(snapshot.blob.clone()),
        _ => None,
    }
}

/// Where what a job can go on from is remembered; none where it needs nothing, or nothing is known. A try may use what
/// post-submit builds made, never the other way round.
#[must_use]
pub fn snapshot_key(context: &Context<'_>, job: &Job) -> Option<KeptKey> {
    let is_toolchain = matches!(&context.builder.recipe, Recipe::Go(go)
        if go::keeps_snapshot(&context.build.key.builder, go));
    if job.needs.is_empty() && !is_toolchain {
        return None;
    }
    let key = &context.build.key;
    let (repo, commit) = match &key.against {
        Some(against) => (&against.repo, &against.commit),
        None => (&key.repo, &key.commit),
    };
    let trust = crate::farm::trust(key);
    let known = context.book.snapshot(&key.builder, repo, commit, &trust)?;
    Some(Kept::Snapshot(known.clone()).key())
}

/// Whether failed tests are tried once more, alone.
#[must_use]
pub fn tries_again(context: &Context<'_>) -> bool {
    match &context.builder.recipe {
        // A job that does everything cannot do a part of it.
        Recipe::Steps { tests: None, .. } => false,
        Recipe::Steps { tests: Some(_), .. } | Recipe::Go(_) => context.builder.rerun_failed,
    }
}

/// What is built.
#[must_use]
pub fn source(context: &Context<'_>) -> SourceRef {
    let key = &context.build.key;
    let repository = context.config.repositories.get(&key.repo);
    SourceRef {
        repo: key.repo.clone(),
        url: repository
            .and_then(|repository| repository.url.clone())
            .unwrap_or_default(),
        commit: key.commit.clone(),
        branch: key.branch.clone(),
    }
}

/// A job that waits for nothing; the life of the run decides when it may begin.
pub(crate) fn job(name: &str, part: Part, needs: &[&str]) -> Option<Job> {
    Some(Job {
        name: name.parse().ok()?,
        needs: needs.iter().filter_map(|need| need.parse().ok()).collect(),
        part,
        state: JobState::Blocked,
        attempts: Vec::new(),
    })
}

/// Shards of the tests that `made` has listed, by number.
fn shard_jobs(shards: Vec<Vec<String>>, made: &Job) -> Vec<Job> {
    let jobs = (1..).zip(shards).filter_map(|(number, units)| {
        job(
            &format!("tests-{number}"),
            Part::Tests { units },
            &[made.name.as_str()],
        )
    });
    jobs.collect()
}

#[cfg(test)]
mod tests;
