//! What the newest run's tests said: those that failed first, with their output.

use std::collections::BTreeSet;

use farm_model::message::progress::{AttemptReport, Outcome, TestOutcome, TestResult};
use farm_model::record::{AttemptState, Job, Part, Run};
use farm_model::view::{BuildView, Status};

use crate::dashboard::cells::Badge;
use crate::dashboard::place::encoded;
use crate::dashboard::terminal::Painter;
use crate::dashboard::text::{count, millis};

/// Tests that are shown.
const MOST: usize = 100;
/// Of these, whose output is shown at once.
const OPEN: usize = 3;

/// The results.
pub(super) struct Results {
    /// Tests that did not pass: failed ones, then those that nothing is told of, then those that passed alone.
    pub(super) bad: Vec<BadTest>,
    /// How many more there are.
    pub(super) more: usize,
    /// `2 failed, 1 by chance, 57 units passed`.
    pub(super) summary: String,
    /// Whether reports hold all that failed.
    pub(super) is_complete: bool,
}

pub(super) struct BadTest {
    pub(super) unit: String,
    /// Empty for the unit as a whole.
    pub(super) name: String,
    pub(super) badge: Badge,
    /// It failed, and then passed alone on the same inputs.
    pub(super) by_chance: bool,
    pub(super) job: String,
    pub(super) took: String,
    /// What it said, as HTML.
    pub(super) output: String,
    pub(super) is_open: bool,
    /// The page of its log.
    pub(super) log: String,
    /// The page of the test over commits.
    pub(super) page: String,
}

/// Nothing where no tests are told of.
pub(super) fn results(view: &BuildView) -> Option<Results> {
    let run = view.runs.iter().find(|run| run.number == view.build.run)?;
    let reports: Vec<Told<'_>> = run.jobs.iter().filter_map(|job| told(run, job)).collect();
    if reports.iter().all(|told| told.report.tests.is_empty()) {
        return None;
    }
    let excused = excused(&reports);
    let (mut seen, mut bad) = (BTreeSet::new(), Vec::new());
    for told in &reports {
        let tests = told
            .report
            .tests
            .iter()
            .filter(|test| !test.outcome.is_good());
        let new = tests.filter(|test| seen.insert((&test.unit, &test.name)));
        bad.extend(new.map(|test| bad_test(view, told, test, &excused)));
    }
    without_units_that_say_nothing(&mut bad);
    bad.sort_by_key(|test| (test.by_chance, test.badge.class != "failed"));
    let summary = summary(&bad, &reports);
    let more = bad.len().saturating_sub(MOST);
    bad.truncate(MOST);
    for (at, test) in bad.iter_mut().enumerate() {
        test.is_open = at < OPEN && !test.by_chance;
    }
    Some(Results {
        more,
        summary,
        is_complete: reports.iter().all(|told| told.report.tests_complete),
        bad,
    })
}

/// The report of a job's last attempt.
struct Told<'a> {
    job: &'a Job,
    report: &'a AttemptReport,
    log: String,
}

fn told<'a>(run: &Run, job: &'a Job) -> Option<Told<'a>> {
    let attempt = job.attempts.last()?;
    let AttemptState::Finished { report, .. } = &attempt.state else {
        return None;
    };
    let log = format!("/read/{}", run.attempt_key(&job.name, attempt.number));
    matches!(
        job.part,
        Part::Tests { .. } | Part::Again { .. } | Part::Whole
    )
    .then_some(Told { job, report, log })
}

/// Units that failed and then passed alone.
fn excused<'a>(reports: &[Told<'a>]) -> BTreeSet<&'a str> {
    let mut excused = BTreeSet::new();
    for told in reports
        .iter()
        .filter(|told| told.report.outcome != Outcome::Lost)
    {
        let Part::Again { units } = &told.job.part else {
            continue;
        };
        let bad = |unit: &str| {
            let mut tests = told.report.tests.iter();
            tests.any(|test| test.unit == unit && !test.outcome.is_good())
        };
        excused.extend(units.iter().map(String::as_str).filter(|unit| !bad(unit)));
    }
    excused
}

fn bad_test(
    view: &BuildView,
    told: &Told<'_>,
    test: &TestResult,
    excused: &BTreeSet<&str>,
) -> BadTest {
    let by_chance = excused.contains(test.unit.as_str());
    let key = &view.build.key;
    BadTest {
        unit: test.unit.clone(),
        name: test.name.clone(),
        badge: match (by_chance, test.outcome) {
            (true, _) => Badge::from(Status::Lost).saying("by chance"),
            (false, TestOutcome::NotTold) => Badge::from(Status::Queued).saying("not told"),
            (false, _) => Status::Failed.into(),
        },
        by_chance,
        job: told.job.name.to_string(),
        took: match test.milliseconds {
            0 => String::new(),
            took => millis(took),
        },
        output: painted(&test.output),
        is_open: false,
        log: told.log.clone(),
        page: format!(
            "/test?repo={}&branch={}&unit={}&name={}",
            key.repo,
            encoded(&key.branch),
            encoded(&test.unit),
            encoded(&test.name)
        ),
    }
}

/// A unit failed because a test in it did: that test is shown.
fn without_units_that_say_nothing(bad: &mut Vec<BadTest>) {
    let named = bad.iter().filter(|test| !test.name.is_empty());
    let named: BTreeSet<String> = named.map(|test| test.unit.clone()).collect();
    bad.retain(|test| {
        !test.name.is_empty() || !test.output.is_empty() || !named.contains(&test.unit)
    });
}

fn summary(bad: &[BadTest], reports: &[Told<'_>]) -> String {
    let of = |what: &dyn Fn(&BadTest) -> bool| bad.iter().filter(|test| what(test)).count();
    let passed = reports.iter().flat_map(|told| &told.report.tests);
    let passed: BTreeSet<&str> = passed
        .filter(|test| test.name.is_empty() && test.outcome.is_good())
        .map(|test| test.unit.as_str())
        .collect();
    let counts = [
        (of(&|test| test.badge.class == "failed"), "failed"),
        (of(&|test| test.badge.word == "not told"), "not told of"),
        (
            of(&|test| test.by_chance),
            "by chance: passed when run alone",
        ),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let mut counts: Vec<String> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !passed.is_empty() {
        counts.push(format!("{} passed", count(passed.len() as u64, "unit")));
    }
    counts.join(", ")
}

fn painted(output: &str) -> String {
    let (mut painter, mut html) = (Painter::default(), String::new());
    for line in output.trim_end().lines() {
        painter.line(line.as_bytes(), &mut html);
        html.push('\n');
    }
    html
}
