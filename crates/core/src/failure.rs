//! Why a run failed or was lost, in the form in which every document and message tells it.

use farm_model::id::{AttemptKey, BuildId, BuilderName, RepoName};
use farm_model::message::progress::{AttemptReport, Outcome};
use farm_model::record::{Attempt, AttemptState, Job, JobState, Run};
use farm_model::view::Failure;

use crate::farm::{Farm, failed_tests, is_again, is_excused};

/// Tests of one run that are looked at: a run in which more fail did not fail by chance.
const LOOKED_AT: usize = 200;

/// A test's unit and its name.
pub(crate) type TestName = (String, String);

/// Why a run is red or was lost; none where it is open or green. Whether it was chance is not known from the run alone.
#[must_use]
pub fn of_run(run: &Run) -> Option<Failure> {
    let verdict = run.verdict.as_ref();
    let verdict = verdict.filter(|verdict| verdict.outcome != Outcome::Ok)?;
    let decided = deciding(run, verdict.outcome);
    let attempt = decided.map(|(job, attempt)| run.attempt_key(&job.name, attempt.number));
    let report = decided.and_then(|(_, attempt)| report(attempt));
    Some(Failure {
        reason: cut(&verdict.reason, Failure::REASON).to_owned(),
        attempt,
        log: report.and_then(|report| report.log.hash.clone()),
        by_chance: false,
    })
}

/// What failed in the newest of a build's runs, as far as that may have been chance: nothing where it failed before, too.
pub(crate) fn doubtful(runs: &[Run]) -> Vec<TestName> {
    let red = |run: &&Run| {
        let verdict = run.verdict.as_ref();
        verdict.is_some_and(|verdict| verdict.outcome == Outcome::Failed)
    };
    let newest = runs.last().filter(red).filter(|_| !is_again(runs));
    let tests = newest.into_iter().flat_map(failed_tests);
    let tests: Vec<TestName> = tests
        .take(LOOKED_AT + 1)
        .map(|test| (test.unit.clone(), test.name.clone()))
        .collect();
    if tests.len() > LOOKED_AT {
        return Vec::new();
    }
    tests
}

/// Where to read why: the last attempt of the job that decided, or of the last job that had one.
pub(crate) fn deciding_attempt(run: &Run, outcome: Outcome) -> Option<AttemptKey> {
    let (job, attempt) = deciding(run, outcome)?;
    Some(run.attempt_key(&job.name, attempt.number))
}

fn deciding(run: &Run, outcome: Outcome) -> Option<(&Job, &Attempt)> {
    let decided = run.jobs.iter().find(|job| {
        outcome != Outcome::Ok && job.state == JobState::Done { outcome } && !is_excused(run, job)
    });
    decided
        .and_then(with_last)
        .or_else(|| run.jobs.iter().rev().find_map(with_last))
}

fn with_last(job: &Job) -> Option<(&Job, &Attempt)> {
    Some((job, job.attempts.last()?))
}

/// What an attempt told at its end.
pub(crate) fn report(attempt: &Attempt) -> Option<&AttemptReport> {
    match &attempt.state {
        AttemptState::Finished { report, .. } => Some(report),
        _ => None,
    }
}

/// At most so many bytes of a text, whole characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

impl Farm {
    /// Why the newest run of a build is red or was lost; none where it is open or green, or the build is not in memory.
    #[must_use]
    pub fn failure(&self, id: &BuildId) -> Option<Failure> {
        let key = &self.build(id)?.key;
        let runs = self.runs(id);
        let failure = of_run(runs.last()?)?;
        Some(self.judged(failure, &key.builder, &key.repo, &doubtful(runs)))
    }

    /// The same, and whether all of `tests`, which are what failed, is known to fail by chance.
    pub(crate) fn judged(
        &self,
        failure: Failure,
        builder: &BuilderName,
        repo: &RepoName,
        tests: &[TestName],
    ) -> Failure {
        let names = tests.iter().map(|(unit, name)| (&**unit, &**name));
        Failure {
            by_chance: self.is_by_chance(builder, repo, names),
            ..failure
        }
    }
}
