//! Tests in groups, each group one command.

mod judge;

use farm_model::message::progress::TestOutcome;
use farm_model::message::work::{StepSpec, Tests};
use farm_testlog::{Ended, Limits, Reader};
use tokio::time::Instant;

use self::judge::{Group, judge};
use crate::attempt::desk::Desk;
use crate::attempt::{Attempt, Bad, End, in_step};

/// Units that a reason names.
const NAMED: usize = 5;

/// Holds the group's units for commands that take them from there.
const UNITS: &str = "FARM_TESTS";

impl Attempt {
    /// Runs every group, also after one that failed unless told otherwise, and collects what came of each test.
    pub(super) async fn tests(&self, tests: &Tests, desk: &mut Desk<'_>) -> End {
        let mut failed = Vec::new();
        for units in &tests.groups {
            let bad = self.group(tests, units, desk).await?;
            failed.extend(bad);
            if tests.stop_at_first && !failed.is_empty() {
                break;
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err(Bad::Failed(in_step(&tests.command.name, &said(&failed))))
    }

    /// Runs one group; the units that failed.
    async fn group(
        &self,
        tests: &Tests,
        units: &[String],
        desk: &mut Desk<'_>,
    ) -> Result<Vec<String>, Bad> {
        let (command, name) = (of_group(&tests.command, units), named(tests, units));
        let reports = tests.report.as_deref();
        if let Some(pattern) = reports {
            self.remove_reports(&command, pattern).await?;
        }
        let mut reader = Reader::new(tests.format, Limits::default());
        let mut hear = |bytes: &[u8]| {
            if reports.is_none() {
                reader.push(bytes);
            }
        };
        let began = Instant::now();
        let end = self.command(&command, &name, desk, &mut hear).await;
        let took = began.elapsed();
        let failure = match end {
            Ok(()) => None,
            Err(Bad::Failed(why)) => Some(why),
            Err(lost) => return Err(lost),
        };
        if let Some(pattern) = reports {
            self.read_reports(&command, pattern, &mut reader).await?;
        }
        let ended = if failure.is_none() {
            Ended::Well
        } else {
            Ended::Badly
        };
        let group = Group {
            step: &tests.command.name,
            units,
            failure: failure.as_deref(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        let found = reader.finish(ended);
        if found.dropped > 0 {
            let (attempt, dropped) = (&self.job.attempt, found.dropped);
            tracing::warn!(%attempt, step = %name, dropped, "there was no room for all results of tests");
        }
        let results = judge(&group, found.tests);
        let bad = results
            .iter()
            .filter(|test| test.name.is_empty() && test.outcome == TestOutcome::Failed);
        let bad = bad.map(|test| test.unit.clone()).collect();
        desk.course
            .gains
            .tests
            .add(results, found.dropped_failed > 0);
        Ok(bad)
    }
}

/// The command with the group's units as further arguments, and in its environment.
fn of_group(command: &StepSpec, units: &[String]) -> StepSpec {
    let mut command = command.clone();
    command.argv.extend(units.iter().cloned());
    command.env.insert(UNITS.to_owned(), units.join("\n"));
    command
}

/// `test archive/tar (+3)`.
fn named(tests: &Tests, units: &[String]) -> String {
    let name = &tests.command.name;
    match units {
        [] => name.clone(),
        [unit] => format!("{name} {unit}"),
        [first, rest @ ..] => format!("{name} {first} (+{})", rest.len()),
    }
}

/// `2 units failed: a, b`.
fn said(failed: &[String]) -> String {
    let named = failed[..failed.len().min(NAMED)].join(", ");
    match failed.len() {
        1 => format!("{named} failed"),
        2..=NAMED => format!("{named} failed"),
        more => format!("{named} and {} more failed", more - NAMED),
    }
}
