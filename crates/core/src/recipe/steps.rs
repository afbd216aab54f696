//! `steps`: commands in any language, and tests that one command lists and another runs.

use farm_model::config::{RecipeStep, StepTests};
use farm_model::kept::Timed;
use farm_model::message::progress::AttemptReport;
use farm_model::message::work::{SOURCE_ROOT, Step, TestFormat, Tests};
use farm_model::record::{Job, Part};

use super::shard::{UNKNOWN, shards};
use super::{Base, Context, Program, environment, job, shard_jobs, source};

/// For the whole way of a snapshot, in seconds.
const KEEP: u64 = 5 * 60;

/// One job does it all, unless tests are split: then it is the one that lists them.
pub(super) fn opening(tests: Option<&StepTests>) -> Vec<Job> {
    let only = match tests {
        None => job("steps", Part::Whole, &[]),
        Some(_) => job("setup", Part::Setup, &[]),
    };
    only.into_iter().collect()
}

/// The shards, once the tests are listed.
pub(super) fn after(
    context: &Context<'_>,
    tests: &StepTests,
    made: &Job,
    report: &AttemptReport,
) -> Vec<Job> {
    if made.part != Part::Setup {
        return Vec::new();
    }
    let builder = &context.build.key.builder;
    let took = |unit: &str| {
        let known = context.book.timing(builder, &Timed::Unit(unit.to_owned()));
        known.and_then(|timing| timing.median()).unwrap_or(UNKNOWN)
    };
    let target = tests.target_seconds.saturating_mul(1000);
    shard_jobs(shards(&report.units, tests.shards, target, took), made)
}

/// What a job does.
pub(super) fn program(
    context: &Context<'_>,
    steps: &[RecipeStep],
    tests: Option<&StepTests>,
    job: &Job,
    base: &Base,
) -> Program {
    let mut program = match (base, tests) {
        (Base::Snapshot(snapshot), _) => vec![Step::Restore {
            snapshot: snapshot.clone(),
            into: SOURCE_ROOT.to_owned(),
        }],
        (Base::WorkDir, _) => Vec::new(),
        (Base::Nothing, _) => fresh(context, steps),
    };
    if let Some(tests) = tests {
        match &job.part {
            Part::Whole => {}
            Part::Setup => program.extend(listing(tests)),
            Part::Tests { units } => program.push(run(tests, groups(tests.format, units))),
            Part::Again { units } => program.push(run(tests, alone(units))),
        }
    }
    Program {
        steps: program,
        env: environment(context),
    }
}

/// The source, and everything that comes before the tests.
fn fresh(context: &Context<'_>, steps: &[RecipeStep]) -> Vec<Step> {
    let place = Step::Source {
        source: source(context),
        into: SOURCE_ROOT.to_owned(),
    };
    let steps = steps.iter().map(|step| match step.format {
        None => Step::Run(step.spec.clone()),
        Some(format) => Step::Tests(Tests {
            command: step.spec.clone(),
            groups: vec![Vec::new()],
            format,
            report: step.report.clone(),
            stop_at_first: true,
        }),
    });
    std::iter::once(place).chain(steps).collect()
}

fn listing(tests: &StepTests) -> Vec<Step> {
    let keep = tests.keep.then(|| Step::Keep {
        dir: SOURCE_ROOT.to_owned(),
        remove: Vec::new(),
        timeout_seconds: KEEP,
    });
    keep.into_iter()
        .chain([Step::List(tests.list.clone())])
        .collect()
}

fn run(tests: &StepTests, groups: Vec<Vec<String>>) -> Step {
    Step::Tests(Tests {
        command: tests.run.clone(),
        groups,
        format: tests.format,
        report: tests.report.clone(),
        stop_at_first: false,
    })
}

/// Where the exit code says everything, each unit has a run of its own; otherwise one is enough for all.
fn groups(format: TestFormat, units: &[String]) -> Vec<Vec<String>> {
    match format {
        TestFormat::Exit => alone(units),
        _ => vec![units.to_vec()],
    }
}

fn alone(units: &[String]) -> Vec<Vec<String>> {
    units.iter().map(|unit| vec![unit.clone()]).collect()
}
