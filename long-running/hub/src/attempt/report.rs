//! The report of an attempt, small enough for one message.

use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport};

use super::log::Kept;
use super::{Bad, End};
use crate::text::one_line;

/// Of a reason, in characters.
const REASON: usize = 500;

/// Of the steps as JSON, in bytes: a message has 128 KiB.
const STEPS: usize = 96 << 10;

/// The report of an attempt that came to `end`, with `over` bytes of output over the log's limit.
pub fn of(end: End, steps: Vec<StepReport>, over: u64, kept: Kept) -> AttemptReport {
    let (outcome, mut reason) = match end {
        Ok(()) => (Outcome::Ok, String::new()),
        Err(Bad::Failed(reason)) => (Outcome::Failed, reason),
        Err(Bad::Lost(reason)) => (Outcome::Lost, reason),
    };
    if let Some(trouble) = &kept.trouble {
        let and = if reason.is_empty() { "" } else { "; " };
        reason = format!("{reason}{and}its log is not all there: {trouble}");
    }
    AttemptReport {
        outcome,
        reason: one_line(&reason, REASON),
        steps: that_fit(steps),
        log: LogSummary {
            bytes: kept.bytes,
            dropped: over + kept.lost,
            whole: kept.whole,
        },
        ..AttemptReport::bare(outcome, String::new())
    }
}

/// The last steps, as many as fit: the end is what matters.
fn that_fit(mut steps: Vec<StepReport>) -> Vec<StepReport> {
    let mut room = STEPS;
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

#[cfg(test)]
mod tests {
    use farm_model::Timestamp;

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
        let report = of(Ok(()), steps.collect(), 0, Kept::default());
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
        let report = of(Ok(()), Vec::new(), 5, kept);
        assert_eq!(report.outcome, Outcome::Ok);
        assert_eq!(report.reason, "its log is not all there: disk full");
        assert_eq!((report.log.bytes, report.log.dropped), (3, 9));
    }
}
