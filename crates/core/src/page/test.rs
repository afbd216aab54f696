//! `tests/…`: the tests that failed on a branch, and where.

use std::collections::HashMap;

use jiff::Timestamp;

use farm_model::message::progress::{AttemptReport, TestOutcome, TestResult};
use farm_model::record::{Branch, Build, BuildKind, Job, Part, Run};
use farm_model::view::{TestFailure, TestLine, TestsView};

use crate::failure::report;
use crate::farm::{Farm, has_passed};

/// The document of a branch.
#[must_use]
pub fn tests(farm: &Farm, branch: &Branch, now: Timestamp) -> TestsView {
    let mut lines = Lines::default();
    for commit in &branch.commits {
        let of_branch = |build: &&Build| {
            let key = &build.key;
            key.repo == branch.repo
                && key.branch == branch.name
                && key.kind == BuildKind::PostSubmit
        };
        for build in farm.builds_of(&commit.id).filter(of_branch) {
            for run in farm.runs(&build.id).iter().rev() {
                lines.add(build, run);
            }
        }
    }
    TestsView {
        made: now,
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        commits: branch
            .commits
            .iter()
            .map(|commit| commit.id.clone())
            .collect(),
        tests: lines.tests,
    }
}

/// Tests in the order in which they are met: those that failed most lately first.
#[derive(Default)]
struct Lines<'a> {
    tests: Vec<TestLine>,
    places: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Lines<'a> {
    fn add(&mut self, build: &Build, run: &'a Run) {
        for job in &run.jobs {
            let Some((attempt, told)) = told(job) else {
                continue;
            };
            let failed = told.tests.iter();
            for test in failed.filter(|test| test.outcome == TestOutcome::Failed) {
                let Some(line) = self.line(test) else {
                    continue;
                };
                if line.failures.len() < TestLine::MOST {
                    line.failures.push(TestFailure {
                        commit: build.key.commit.clone(),
                        builder: build.key.builder.clone(),
                        attempt: run.attempt_key(&job.name, attempt),
                        flaked: has_flaked(run, job, test),
                        output: end_of(&test.output).to_owned(),
                    });
                }
            }
        }
    }

    fn line(&mut self, test: &'a TestResult) -> Option<&mut TestLine> {
        let name = (&*test.unit, &*test.name);
        let place = match self.places.get(&name) {
            Some(place) => *place,
            None if self.tests.len() >= TestsView::MOST => return None,
            None => {
                self.tests.push(TestLine {
                    unit: test.unit.clone(),
                    name: test.name.clone(),
                    failures: Vec::new(),
                });
                self.places.insert(name, self.tests.len() - 1);
                self.tests.len() - 1
            }
        };
        self.tests.get_mut(place)
    }
}

/// The last attempt of a job, and what it told of tests. What is tried again is told of where it failed first.
fn told(job: &Job) -> Option<(u32, &AttemptReport)> {
    if matches!(job.part, Part::Again { .. }) {
        return None;
    }
    let attempt = job.attempts.last()?;
    Some((attempt.number, report(attempt)?))
}

/// Whether a test passed when it was tried again in the same run.
fn has_flaked(run: &Run, job: &Job, test: &TestResult) -> bool {
    let name = format!("{}.again", job.name);
    let again = run.jobs.iter().find(|other| other.name.as_str() == name);
    again.is_some_and(|again| match &again.part {
        Part::Again { units } => {
            let told = again.attempts.last().and_then(report);
            told.is_some_and(|told| told.tests_complete && has_passed(units, told, &test.unit))
        }
        _ => false,
    })
}

fn end_of(output: &str) -> &str {
    let from = output.len().saturating_sub(TestFailure::OUTPUT);
    &output[output.ceil_char_boundary(from)..]
}
