//! `go`: makes a Go toolchain from its source and tests it, or a repository of its project with it. A machine first makes,
//! keeps what it made, and lists the tests; others go on from there, each with a share of them.

mod dist;
mod environment;
mod make;
mod names;
mod sub;
mod tests;

use std::collections::BTreeMap;

use farm_model::config::{Go, Host};
use farm_model::id::{BuilderName, HostType};
use farm_model::kept::Timed;
use farm_model::message::progress::AttemptReport;
use farm_model::message::work::{SourceRef, Step, StepSpec};
use farm_model::record::{BuildKind, Job, Part};

use super::shard::{UNKNOWN, shards};
use super::{Base, Context, Program, job, source};

pub use dist::{groups, should_run};
pub use environment::{of_builder, of_modules, tests_limit};
pub use names::{
    all_args, all_script, has_network, helpers, is_long, is_race, is_split, keeps_snapshot,
    make_args, make_script, os_arch, race_packages,
};

/// Where the toolchain is, below the work dir.
const GOROOT: &str = "go";
/// The command that everything is done with. The hub knows the work dir.
const COMMAND: &str = "$WORKDIR/go/bin/go";
/// A shard of the toolchain's tests takes at least so long, in milliseconds: below that, restoring the snapshot costs
/// more than it saves.
const SHARD: u64 = 60_000;
/// The job that makes.
const MAKE: &str = "make";
/// The job that lists the tests, where another machine makes.
const LIST: &str = "list";

/// A builder of this recipe, and one of its builds.
#[derive(Debug, Clone, Copy)]
struct Plan<'a> {
    context: Context<'a>,
    go: &'a Go,
    name: &'a BuilderName,
    host: Option<&'a Host>,
    is_try: bool,
}

impl<'a> Plan<'a> {
    fn new(context: &Context<'a>, go: &'a Go) -> Self {
        let key = &context.build.key;
        Self {
            context: *context,
            go,
            name: &key.builder,
            host: context.config.hosts.get(&context.builder.host),
            is_try: key.kind != BuildKind::PostSubmit,
        }
    }

    /// Of a repository that is built with the toolchain.
    fn is_sub(&self) -> bool {
        self.context.build.key.against.is_some()
    }

    /// What an earlier build has made is kept.
    fn is_made(&self) -> bool {
        let key = &self.context.build.key;
        let trust = crate::farm::trust(key);
        let book = self.context.book;
        book.snapshot(self.name, &key.repo, &key.commit, &trust)
            .is_some()
    }

    /// Another kind of machine makes.
    fn cross_host(&self) -> Option<&'a HostType> {
        let cross = self.go.cross.as_ref()?;
        (!cross.tries_only || self.is_try).then_some(&cross.host)
    }

    /// The toolchain's source.
    fn toolchain(&self) -> SourceRef {
        let Some(against) = &self.context.build.key.against else {
            return source(&self.context);
        };
        let repository = self.context.config.repositories.get(&against.repo);
        SourceRef {
            repo: against.repo.clone(),
            url: repository
                .and_then(|repository| repository.url.clone())
                .unwrap_or_default(),
            commit: against.commit.clone(),
            branch: against.branch.clone(),
        }
    }

    /// What every command has.
    fn environment(&self) -> BTreeMap<String, String> {
        of_builder(self.name, self.context.builder, self.go, self.host)
    }

    /// What commands of the toolchain have besides.
    fn tree_environment(&self, repo: &str) -> BTreeMap<String, String> {
        let mut env = environment::of_tree(&self.environment());
        env.extend(of_modules(self.name, self.go, self.host, repo));
        env
    }

    /// A command of the toolchain, run in `root`.
    fn go(&self, name: &str, root: &str, args: &[&str], limit: u64) -> StepSpec {
        let words = std::iter::once(&COMMAND).chain(args);
        StepSpec {
            name: name.to_owned(),
            argv: words.map(|word| (*word).to_owned()).collect(),
            dir: String::new(),
            root: root.to_owned(),
            env: self.tree_environment(self.context.build.key.repo.as_str()),
            timeout_seconds: limit,
        }
    }

    /// A command's limit where nothing else is said.
    fn limit(&self) -> u64 {
        self.context.builder.timeout_seconds
    }

    /// How long a unit of tests takes, in milliseconds.
    fn took(&self, unit: &str) -> u64 {
        let what = Timed::Unit(unit.to_owned());
        let known = self.context.book.timing(self.name, &what);
        known.and_then(|timing| timing.median()).unwrap_or(UNKNOWN)
    }
}

/// The jobs that a run begins with. A repository that is built with the toolchain has one: its builder waited for the
/// toolchain, or makes it along the way.
pub(super) fn opening(context: &Context<'_>, go: &Go) -> Vec<Job> {
    let plan = Plan::new(context, go);
    let jobs = if plan.is_sub() {
        vec![job("test", Part::Whole, &[])]
    } else if !is_split(plan.name, go) {
        vec![job("all", Part::Whole, &[])]
    } else if go.stop_after_make {
        vec![job(MAKE, Part::Whole, &[])]
    } else if plan.is_made() {
        vec![job(LIST, Part::Setup, &[])]
    } else if plan.cross_host().is_some() {
        vec![job(MAKE, Part::Setup, &[]), job(LIST, Part::Setup, &[MAKE])]
    } else {
        vec![job(MAKE, Part::Setup, &[])]
    };
    jobs.into_iter().flatten().collect()
}

/// The shards, once the tests are listed.
pub(super) fn after(
    context: &Context<'_>,
    go: &Go,
    made: &Job,
    report: &AttemptReport,
) -> Vec<Job> {
    if made.part != Part::Setup {
        return Vec::new();
    }
    let plan = Plan::new(context, go);
    let runs =
        |unit: &&String| should_run(plan.name, go, &context.config.policies, unit, plan.is_try);
    let units: Vec<String> = report.units.iter().filter(runs).cloned().collect();
    // Without a snapshot nobody can help.
    let machines = if keeps_snapshot(plan.name, go) {
        1 + helpers(go, plan.is_try)
    } else {
        1
    };
    let shards = shards(&units, machines, SHARD, |unit| plan.took(unit));
    super::shard_jobs(shards, made)
}

/// What a job does.
pub(super) fn program(context: &Context<'_>, go: &Go, job: &Job, base: &Base) -> Program {
    let plan = Plan::new(context, go);
    let steps = match &job.part {
        _ if plan.is_sub() => plan.sub_repository(base),
        Part::Whole if !is_split(plan.name, go) => plan.make_and_test(),
        Part::Whole => plan.make(),
        Part::Setup => plan.setup(job, base),
        Part::Tests { units } => plan.shard(base, groups(units, |unit| plan.took(unit))),
        Part::Again { units } => {
            plan.shard(base, units.iter().map(|unit| vec![unit.clone()]).collect())
        }
    };
    Program {
        steps,
        env: plan.environment(),
    }
}

/// The kind of machine that a job wants, where it is not the builder's own.
pub(super) fn host<'a>(context: &Context<'a>, go: &'a Go, job: &Job) -> Option<&'a HostType> {
    let plan = Plan::new(context, go);
    let makes = job.part == Part::Setup && job.name.as_str() == MAKE;
    plan.cross_host().filter(|_| makes)
}

/// Whether a job of this part can begin with nothing.
pub(super) fn begins_with_nothing(context: &Context<'_>, job: &Job) -> bool {
    context.build.key.against.is_some() || job.needs.is_empty()
}

/// A snapshot in its place.
fn restore(base: &Base) -> Option<Step> {
    match base {
        Base::Snapshot(snapshot) => Some(Step::Restore {
            snapshot: snapshot.clone(),
            into: GOROOT.to_owned(),
        }),
        Base::Nothing | Base::WorkDir => None,
    }
}
