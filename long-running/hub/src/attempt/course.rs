//! How far an attempt has come, whatever interrupts it.

use std::time::Duration;

use farm_model::Timestamp;
use farm_model::message::progress::StepReport;
use farm_runtime::Clock;
use tokio::time::Instant;

use super::gains::Gains;
use super::{Bad, in_step, timed_out};
use crate::text::one_line;

/// A step's end in a report, in characters.
const STATE: usize = 300;

/// The steps that ended, the one that runs, and what they brought.
pub struct Course {
    /// For the report.
    pub gains: Gains,
    clock: Clock,
    steps: Vec<StepReport>,
    running: Option<Running>,
    /// The command that ended last.
    done: Option<String>,
}

struct Running {
    name: String,
    /// Never the code's fault: a transfer.
    ours: bool,
    started: Timestamp,
    since: Instant,
}

impl Course {
    /// Before the first step.
    pub fn new(clock: Clock) -> Self {
        Self {
            gains: Gains::default(),
            clock,
            steps: Vec::new(),
            running: None,
            done: None,
        }
    }

    /// A step begins.
    pub fn begin(&mut self, name: &str) {
        self.start(name, false);
    }

    /// A step begins that is never the code's fault.
    pub fn begin_ours(&mut self, name: &str) {
        self.start(name, true);
    }

    fn start(&mut self, name: &str, ours: bool) {
        self.running = Some(Running {
            name: name.to_owned(),
            ours,
            started: self.clock.now(),
            since: Instant::now(),
        });
    }

    /// The running step has ended as `state` says; how long it took.
    pub fn end(&mut self, state: &str) -> Duration {
        let Some(running) = self.running.take() else {
            return Duration::ZERO;
        };
        let took = running.since.elapsed();
        if !running.ours {
            self.done = Some(running.name.clone());
        }
        self.steps.push(StepReport {
            name: running.name,
            state: one_line(state, STATE),
            started: running.started,
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
        took
    }

    /// The attempt is over while a step runs.
    pub fn interrupt(&mut self, why: Option<&Bad>) {
        let state = match why {
            Some(Bad::Lost(reason)) => format!("lost: {reason}"),
            Some(Bad::Failed(reason)) => reason.clone(),
            None => "ok".to_owned(),
        };
        self.end(&state);
    }

    /// The whole attempt's time is over: the fault of the step that runs, or of the command that ended last.
    pub fn too_late(&mut self, limit: Duration) -> Bad {
        let what = format!("{}, the limit of the whole attempt", timed_out(limit));
        match self
            .running
            .as_ref()
            .map(|step| (step.name.clone(), step.ours))
        {
            Some((name, ours)) => {
                self.end(&what);
                let bad = if ours { Bad::Lost } else { Bad::Failed };
                bad(in_step(&name, &what))
            }
            None => match &self.done {
                Some(last) => Bad::Failed(format!("after step {last}: {what}")),
                None => Bad::Lost(format!("no command had begun: {what}")),
            },
        }
    }

    /// What is reported.
    pub fn into_parts(self) -> (Vec<StepReport>, Gains) {
        (self.steps, self.gains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_that_runs_is_reported_however_it_ends() {
        let mut course = Course::new(Clock::manual(Timestamp::UNIX_EPOCH));
        course.begin("build");
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(course.end("ok").as_millis(), 1500);
        course.begin("test");
        course.interrupt(Some(&Bad::Lost("cancelled: x".to_owned())));
        let (steps, _) = course.into_parts();
        let told: Vec<_> = steps
            .iter()
            .map(|s| (s.state.as_str(), s.milliseconds))
            .collect();
        assert_eq!(told, [("ok", 1500), ("lost: cancelled: x", 0)]);
    }

    #[test]
    fn time_that_runs_out_before_the_first_step_is_not_the_codes_fault() {
        let limit = Duration::from_secs(60);
        let mut course = Course::new(Clock::manual(Timestamp::UNIX_EPOCH));
        assert!(matches!(course.too_late(limit), Bad::Lost(_)));
    }

    #[tokio::test]
    async fn time_that_runs_out_in_a_transfer_is_not_either() {
        let mut course = Course::new(Clock::manual(Timestamp::UNIX_EPOCH));
        course.begin_ours("restore");
        let bad = course.too_late(Duration::from_secs(60));
        assert!(matches!(bad, Bad::Lost(_)), "{bad:?}");
    }

    #[tokio::test]
    async fn time_that_runs_out_behind_a_command_is_its_fault() {
        let limit = Duration::from_secs(60);
        let mut course = Course::new(Clock::manual(Timestamp::UNIX_EPOCH));
        course.begin_ours("restore");
        course.end("ok");
        assert!(matches!(course.too_late(limit), Bad::Lost(_)));
        course.begin("test");
        course.end("ok");
        let reason = "after step test: timed out after 1m, the limit of the whole attempt";
        assert_eq!(course.too_late(limit), Bad::Failed(reason.to_owned()));
    }

    #[tokio::test]
    async fn time_that_runs_out_in_a_step_is() {
        let mut course = Course::new(Clock::manual(Timestamp::UNIX_EPOCH));
        course.begin("test");
        let reason = "step test: timed out after 1m, the limit of the whole attempt";
        let bad = course.too_late(Duration::from_secs(60));
        assert_eq!(bad, Bad::Failed(reason.to_owned()));
        assert_eq!(course.into_parts().0.len(), 1);
    }
}
