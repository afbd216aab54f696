//! The report of an attempt, small enough for one message.

use farm_model::id::BlobId;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport, TestResult};

use super::log::Kept;
use super::{Bad, End};
use crate::text::one_line;

/// Of a reason, in characters.
const REASON: usize = 500;

/// Of steps, units and tests together as JSON, in bytes: a message has 128 KiB.
const ROOM: usize = 112 << 10;

/// Of these, for steps at least.
const STEPS: usize = 24 << 10;

/// Of a test's output, in characters.
const OUTPUT: usize = 1500;

/// What an attempt brought, once it is stored.
#[derive(Debug, Default)]
pub struct Brought {
    /// The snapshot that was kept.
    pub snapshot: Option<BlobId>,
    /// What can be tested.
    pub units: Vec<String>,
    /// Failed tests, then units.
    pub tests: Vec<TestResult>,
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
    let units: usize = brought.units.iter().map(|unit| 2 * unit.len() + 3).sum();
    let room = ROOM.saturating_sub(units);
    let tests = tests_that_fit(brought.tests, room.saturating_sub(STEPS));
    AttemptReport {
        outcome,
        reason: one_line(&reason, REASON),
        steps: that_fit(steps, STEPS),
        log: LogSummary {
            bytes: kept.bytes,
            dropped: over + kept.lost,
            whole: kept.whole,
        },
        snapshot: brought.snapshot,
        units: brought.units,
        tests,
        tests_whole: brought.tests_whole,
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

/// The first results, as many as fit, with the end of what each said.
fn tests_that_fit(tests: Vec<TestResult>, mut room: usize) -> Vec<TestResult> {
    let shortened = tests.into_iter().map(|test| TestResult {
        output: end_of(&test.output),
        ..test
    });
    let fits = |test: &TestResult| {
        let size = serde_json::to_vec(test).map_or(usize::MAX, |json| json.len() + 1);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    shortened.take_while(fits).collect()
}

fn end_of(output: &str) -> String {
    let from = output.char_indices().rev().nth(OUTPUT - 1);
    output[from.map_or(0, |(at, _)| at)..].to_owned()
}

#[cfg(test)]
mod tests {
    use farm_model::Timestamp;
    use farm_model::message::progress::TestOutcome;

    use super::*;

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
            trouble: Some("disk full".to_owned()),
        };
        let report = of(Ok(()), Default::default(), 5, kept);
        assert_eq!(report.outcome, Outcome::Ok);
        assert_eq!(report.reason, "its log is not all there: disk full");
        assert_eq!((report.log.bytes, report.log.dropped), (3, 9));
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
