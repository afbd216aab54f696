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
        let mut bad = Vec::new();
        for units in &tests.groups {
            bad.extend(self.group(tests, units, desk).await?);
            if tests.stop_at_first && !bad.is_empty() {
                break;
            }
        }
        if bad.is_empty() {
            return Ok(());
        }
        Err(Bad::Failed(in_step(&tests.command.name, &said(&bad))))
    }

    /// Runs one group; the units that failed, or of which nothing was told.
    async fn group(
        &self,
        tests: &Tests,
        units: &[String],
        desk: &mut Desk<'_>,
    ) -> Result<Vec<(String, TestOutcome)>, Bad> {
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
            reader = self.read_reports(&command, pattern, reader).await?;
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
            .filter(|test| test.name.is_empty() && !test.outcome.is_good());
        let bad = bad.map(|test| (test.unit.clone(), test.outcome)).collect();
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

/// `a, b failed; not told of c`.
fn said(bad: &[(String, TestOutcome)]) -> String {
    let of = |outcome| -> Vec<&str> {
        let units = bad.iter().filter(|(_, of)| *of == outcome);
        units.map(|(unit, _)| unit.as_str()).collect()
    };
    let (failed, silent) = (of(TestOutcome::Failed), of(TestOutcome::NotTold));
    match (failed.is_empty(), silent.is_empty()) {
        (_, true) => format!("{} failed", some(&failed)),
        (true, false) => format!("it failed; whether {} did is not told", some(&silent)),
        (false, false) => format!("{} failed; not told of {}", some(&failed), some(&silent)),
    }
}

/// `a, b, c, d, e and 2 more`.
fn some(units: &[&str]) -> String {
    let named = units[..units.len().min(NAMED)].join(", ");
    match units.len() {
        0..=NAMED => named,
        more => format!("{named} and {} more", more - NAMED),
    }
}

#[cfg(test)]
mod spoken {
    use super::*;

    #[test]
    fn a_reason_tells_failed_units_from_those_of_which_nothing_is_told() {
        let bad = |units: &[(&str, TestOutcome)]| {
            let units = units.iter().map(|(unit, of)| ((*unit).to_owned(), *of));
            said(&units.collect::<Vec<_>>())
        };
        let (failed, silent) = (TestOutcome::Failed, TestOutcome::NotTold);
        assert_eq!(bad(&[("a", failed), ("b", failed)]), "a, b failed");
        let both = bad(&[("a", failed), ("b", silent), ("c", silent)]);
        assert_eq!(both, "a failed; not told of b, c");
        let none = bad(&[("b", silent)]);
        assert_eq!(none, "it failed; whether b did is not told");
        assert_eq!(bad(&[("u", failed); 7]), "u, u, u, u, u and 2 more failed");
    }
}
