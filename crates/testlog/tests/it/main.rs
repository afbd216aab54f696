//! What real runners wrote, byte for byte but for paths and names of machines: Go 1.26, cargo 1.95, pytest 9.2 and Maven
//! Surefire 3.2 on small samples that pass, fail, skip, panic, do not compile.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod go;
mod junit;
mod libtest;
mod splits;

use farm_model::message::progress::{TestOutcome, TestResult};
use farm_model::message::work::TestFormat;
use farm_testlog::{Ended, Found, Limits, Reader};

/// All of `text` at once, from a runner that ended badly.
fn read(format: TestFormat, text: &str) -> Found {
    let mut reader = Reader::new(format, Limits::default());
    reader.push(text.as_bytes());
    reader.finish(Ended::Badly)
}

/// `unit/name outcome`, one a line.
fn told(found: &Found) -> Vec<String> {
    let tests = found.tests.iter();
    let line = |test: &TestResult| format!("{} {} {}", test.unit, test.name, word(test.outcome));
    tests.map(line).collect()
}

fn word(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Ok => "ok",
        TestOutcome::Failed => "failed",
        TestOutcome::Skipped => "skipped",
        TestOutcome::NotTold => "not told",
    }
}

fn of<'a>(found: &'a Found, unit: &str, name: &str) -> &'a TestResult {
    let mut tests = found.tests.iter();
    tests
        .find(|test| test.unit == unit && test.name == name)
        .unwrap()
}
