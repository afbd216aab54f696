//! The report of an attempt, small enough for one message.

use farm_model::id::BlobId;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport, TestResult};

use super::gains::{size, units_size};
use super::log::Kept;
use super::{Bad, End};
use crate::text::one_line;

/// Of a reason, in characters.
const REASON: usize = 500;

/// Of steps, units and tests together as JSON, in bytes: a message has 128 KiB.
const ROOM: usize = 112 << 10;

/// Of all of it as JSON, in bytes: the rest of a message says whose it is.
const MESSAGE: usize = 124 << 10;

/// Of these, for steps at least.
const STEPS: usize = 24 << 10;

/// What an attempt brought, once it is stored.
#[derive(Debug, Default)]
pub struct Brought {
    /// The snapshot that was kept.
    pub snapshot: Option<BlobId>,
    /// What can be tested.
    pub units: Vec<String>,
    /// Failed units, failed tests, other units.
    pub tests: Vec<TestResult>,
    /// Whether every group ran to its end, and all that failed or was not told of is in `tests`.
    pub tests_complete: bool,
    /// All results.
    pub tests_whole: Option<BlobId>,
}

/// The report of an attempt that came to `end`, with `over` bytes of output over the log's limit.
pub fn of(
    end: End,
    (steps, brought): (Vec<StepReport>, Brought),
    over: u64,
    kept: Kept,
) -> AttemptReport {
    let (outcome, mut reason) = match end {
        Ok(()) => (Outcome::Ok, String::new()),
        Err(Bad::Failed(reason)) => (Outcome::Failed, reason),
        Err(Bad::Lost(reason)) => (Outcome::Lost, reason),
    };
    if let Some(trouble) = &kept.trouble {
        let and = if reason.is_empty() { "" } else { "; " };
        reason = format!("{reason}{and}its log is not all there: {trouble}");
    }
    // A list of units is whole or not at all, which was seen to when it was made.
    let room = ROOM.saturating_sub(units_size(&brought.units));
    let failed = failures(&brought.tests);
    let tests = tests_that_fit(brought.tests, room.saturating_sub(STEPS));
    let tests_complete = brought.tests_complete && failures(&tests) == failed;
    fitting(AttemptReport {
        outcome,
        reason: one_line(&reason, REASON),
        steps: that_fit(steps, STEPS),
        log: LogSummary {
            bytes: kept.bytes,
            dropped: over + kept.lost,
            whole: kept.whole,
            hash: kept.hash,
        },
        snapshot: brought.snapshot,
        units: brought.units,
        tests,
        tests_complete,
        tests_whole: brought.tests_whole,
    })
}

/// One that is too large all the same tells how it came out, rather than nothing. Without its list of units it would seem
/// that there is nothing to test.
fn fitting(report: AttemptReport) -> AttemptReport {
    let size = serde_json::to_vec(&report).map_or(usize::MAX, |json| json.len());
    if size <= MESSAGE {
        return report;
    }
    let outcome = match report.outcome {
        Outcome::Ok if !report.units.is_empty() => Outcome::Failed,
        outcome => outcome,
    };
    let and = if report.reason.is_empty() { "" } else { "; " };
    let why = "steps, units and tests are left out: they take more than a message holds";
    AttemptReport {
        outcome,
        reason: format!("{}{and}{why}", report.reason),
        steps: Vec::new(),
        units: Vec::new(),
        tests: Vec::new(),
        tests_complete: false,
        ..report
    }
}

/// The last steps, as many as fit: the end is what matters.
fn that_fit(mut steps: Vec<StepReport>, mut room: usize) -> Vec<StepReport> {
    let fitting = steps.iter().rev().take_while(|step| {
        // Every character of a text may become six in JSON.
        let size = 6 * (step.name.len() + step.state.len()) + 120;
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let fitting = fitting.count();
    steps.drain(..steps.len() - fitting);
    steps
}

/// As many results as fit. That a test failed is worth more than what it said, and this more than that another passed.
fn tests_that_fit(tests: Vec<TestResult>, mut room: usize) -> Vec<TestResult> {
    let mut fits = |size: usize| {
        let fits = size <= room;
        room -= if fits { size } else { 0 };
        fits
    };
    let (mut failed, mut others): (Vec<_>, Vec<_>) = tests.into_iter().partition(has_failed);
    failed.retain(|test| fits(bare_size(test)));
    for test in &mut failed {
        if !fits(size(test).saturating_sub(bare_size(test))) {
            test.output.clear();
        }
    }
    others.retain(|test| fits(size(test)));
    failed.extend(others);
    failed
}

/// Or may have.
fn has_failed(test: &TestResult) -> bool {
    !test.outcome.is_good()
}

fn failures(tests: &[TestResult]) -> usize {
    tests.iter().filter(|test| has_failed(test)).count()
}

/// Of the same without what it said.
fn bare_size(test: &TestResult) -> usize {
    size(&TestResult {
        output: String::new(),
        ..test.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use farm_model::Timestamp;
    use farm_model::message::progress::TestOutcome;

    fn step(name: String) -> StepReport {
        StepReport {
            name,
            state: "ok".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            milliseconds: 1,
        }
    }

    #[test]
    fn a_report_of_very_many_steps_keeps_the_last_and_fits_in_a_message() {
        let steps = (0..10_000).map(|number| step(format!("step \u{1} {number}")));
        let parts = (steps.collect(), Brought::default());
        let report = of(Ok(()), parts, 0, Kept::default());
        assert_eq!(report.steps.last().unwrap().name, "step \u{1} 9999");
        assert!(report.steps.len() > 100);
        assert!(serde_json::to_string(&report).unwrap().len() < 120 << 10);
    }

    #[test]
    fn trouble_with_the_log_does_not_change_the_outcome_but_is_said() {
        let kept = Kept {
            bytes: 3,
            lost: 4,
            whole: None,
            hash: None,
            trouble: Some("disk full".to_owned()),
        };
        let report = of(Ok(()), Default::default(), 5, kept);
        assert_eq!(report.outcome, Outcome::Ok);
        assert_eq!(report.reason, "its log is not all there: disk full");
        assert_eq!((report.log.bytes, report.log.dropped), (3, 9));
    }

    #[test]
    fn one_result_that_does_not_fit_hides_no_other_and_is_missed() {
        let failed = |name: &str, output: usize| TestResult {
            unit: "u".to_owned(),
            name: name.to_owned(),
            outcome: TestOutcome::Failed,
            milliseconds: 1,
            output: "x".repeat(output),
        };
        let told = |tests: Vec<TestResult>| {
            let brought = Brought {
                tests,
                tests_complete: true,
                ..Brought::default()
            };
            of(Ok(()), (Vec::new(), brought), 0, Kept::default())
        };
        let report = told(vec![
            failed(&"long".repeat(ROOM / 4), 0),
            failed("short", 9),
        ]);
        assert_eq!((report.tests.len(), report.tests_complete), (1, false));
        assert_eq!(report.tests[0].name, "short");
        let report = told((0..200).map(|_| failed("t", 1000)).collect());
        assert_eq!((report.tests.len(), report.tests_complete), (200, true));
        let silent = report.tests.iter().filter(|test| test.output.is_empty());
        assert!((100..150).contains(&silent.count()));
    }

    #[test]
    fn a_report_that_is_too_large_tells_at_least_how_it_came_out() {
        let brought = Brought {
            units: vec!["\u{1}".repeat(100); 1000],
            ..Brought::default()
        };
        let report = of(Ok(()), (Vec::new(), brought), 0, Kept::default());
        assert_eq!((report.outcome, report.units.len()), (Outcome::Failed, 0));
        assert!(report.reason.contains("left out"), "{}", report.reason);
    }

    #[test]
    fn a_full_report_fits_in_a_message_whatever_it_holds() {
        let test = |number: usize| TestResult {
            unit: format!("unit{number}"),
            name: "\u{1}".repeat(100),
            outcome: TestOutcome::Failed,
            milliseconds: 1,
            output: "\u{1}x".repeat(5000),
        };
        let steps = (0..10_000).map(|number| step(format!("step \u{1} {number}")));
        for units in [Vec::new(), vec!["a/unit".to_owned(); 7000]] {
            let brought = Brought {
                units: units.clone(),
                tests: (0..1000).map(test).collect(),
                ..Brought::default()
            };
            let parts = (steps.clone().collect(), brought);
            let bad = Err(Bad::Failed("\u{1}x".repeat(1000)));
            let report = of(bad, parts, 0, Kept::default());
            assert!(!report.tests.is_empty() || !units.is_empty());
            assert_eq!(report.units, units);
            assert!(report.steps.len() > 50);
            let size = serde_json::to_string(&report).unwrap().len();
            assert!(size < 124 << 10, "{size}");
        }
    }
}
