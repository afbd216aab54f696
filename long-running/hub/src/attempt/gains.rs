//! What an attempt has brought, however far it came.

use std::io::Write;
use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::id::BlobId;
use farm_model::message::progress::{TestOutcome, TestResult};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::timeout;

/// Of a list of units as JSON, in bytes.
pub const UNITS: usize = 64 << 10;

/// Of all results as JSON, in bytes; over that only failed ones are written, over twice that none.
const WHOLE: usize = 64 << 20;

/// Failed tests and units that are held for the report, each, as JSON, in bytes.
const HELD: usize = 256 << 10;

/// For all results to be stored.
const STORE: Duration = Duration::from_secs(30);

/// For the report.
#[derive(Default)]
pub struct Gains {
    /// What was kept.
    pub snapshot: Option<BlobId>,
    /// What can be tested.
    pub units: Vec<String>,
    /// What came of tests.
    pub tests: Results,
}

impl Gains {
    /// Adds to the list of units; false if it is too long then.
    #[must_use]
    pub fn list(&mut self, units: Vec<String>) -> bool {
        self.units.extend(units);
        // Quotes and a comma; what would need more in JSON is no unit's name.
        let size: usize = self.units.iter().map(|unit| unit.len() + 3).sum();
        size <= UNITS
    }
}

/// What came of tests: all of it compressed, and what the report tells held.
pub struct Results {
    whole: GzEncoder<Vec<u8>>,
    written: usize,
    failed: Held,
    units: Held,
}

/// As many as there is room for.
#[derive(Default)]
struct Held {
    tests: Vec<TestResult>,
    size: usize,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            whole: GzEncoder::new(Vec::new(), Compression::default()),
            written: 0,
            failed: Held::default(),
            units: Held::default(),
        }
    }
}

impl Held {
    fn add(&mut self, test: TestResult, size: usize) {
        if self.size + size <= HELD {
            self.size += size;
            self.tests.push(test);
        }
    }
}

impl Results {
    /// What came of one group.
    pub fn add(&mut self, tests: Vec<TestResult>) {
        for test in tests {
            let Ok(mut line) = serde_json::to_vec(&test) else {
                continue;
            };
            line.push(b'\n');
            let failed = test.outcome == TestOutcome::Failed;
            let room = if failed { 2 * WHOLE } else { WHOLE };
            if self.written + line.len() <= room {
                self.written += line.len();
                // Writing to memory does not fail.
                drop(self.whole.write_all(&line));
            }
            if failed {
                self.failed.add(test, line.len());
            } else if test.name.is_empty() {
                self.units.add(test, line.len());
            }
        }
    }

    /// Stores all as a blob; `None` where there is nothing, or the bucket does not take it.
    pub async fn store(self, bucket: &Bucket) -> (Vec<TestResult>, Option<BlobId>) {
        let mut told = self.failed.tests;
        told.extend(self.units.tests);
        if self.written == 0 {
            return (told, None);
        }
        let Ok(whole) = self.whole.finish() else {
            return (told, None);
        };
        let stored = match timeout(STORE, bucket.put_blob(whole.into())).await {
            Ok(stored) => stored.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", STORE.as_secs())),
        };
        if let Err(error) = &stored {
            tracing::warn!(%error, "results of tests are not stored whole");
        }
        (told, stored.ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, outcome: TestOutcome, output: usize) -> TestResult {
        TestResult {
            unit: "u".to_owned(),
            name: name.to_owned(),
            outcome,
            milliseconds: 1,
            output: "x".repeat(output),
        }
    }

    #[tokio::test]
    async fn failed_tests_come_first_then_units_and_all_is_in_the_blob() {
        use std::io::Read;
        let bucket = Bucket::open("memory:").unwrap();
        let mut results = Results::default();
        results.add(vec![
            result("passed", TestOutcome::Ok, 0),
            result("", TestOutcome::Ok, 0),
            result("failed", TestOutcome::Failed, 10),
        ]);
        let (told, whole) = results.store(&bucket).await;
        let names: Vec<_> = told.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["failed", ""]);
        let blob = bucket
            .get_blob(&whole.unwrap(), 1 << 20)
            .await
            .unwrap()
            .unwrap();
        let mut text = String::new();
        let mut gz = flate2::read::GzDecoder::new(&blob[..]);
        gz.read_to_string(&mut text).unwrap();
        let all: Vec<TestResult> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[2].output, "x".repeat(10));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut results = Results::default();
        for _ in 0..1000 {
            results.add(vec![
                result("t", TestOutcome::Failed, 1000),
                result("", TestOutcome::Ok, 0),
            ]);
        }
        assert!(results.failed.size <= HELD && results.units.size <= HELD);
        assert!(results.failed.tests.len() > 200 && results.units.tests.len() == 1000);
    }

    #[test]
    fn a_list_that_is_too_long_is_said_to_be() {
        let mut gains = Gains::default();
        assert!(gains.list(vec!["unit".to_owned(); 9000]));
        assert!(!gains.list(vec!["unit".to_owned(); 1000]));
    }
}
