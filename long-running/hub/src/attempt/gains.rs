//! What an attempt has brought, however far it came.

use std::io::Write;
use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::id::BlobId;
use farm_model::message::progress::TestResult;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::timeout;

/// Of a list of units as JSON, in bytes.
pub const UNITS: usize = 64 << 10;

/// Of all results as JSON, in bytes; over that only failed ones are written, over twice that none.
const WHOLE: usize = 64 << 20;

/// Failed units, failed tests and other units that are held for the report, each, as JSON, in bytes.
const HELD: usize = 256 << 10;

/// Of a test's output in the report, in characters.
const OUTPUT: usize = 1500;

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
        units_size(&self.units) <= UNITS
    }
}

/// What came of tests: all of it compressed, and what the report tells held.
pub struct Results {
    whole: GzEncoder<Vec<u8>>,
    written: usize,
    failed_units: Held,
    failed: Held,
    units: Held,
    /// Groups that ran to their end.
    groups: usize,
    /// A failed test may have found no room.
    cut: bool,
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
            failed_units: Held::default(),
            failed: Held::default(),
            units: Held::default(),
            groups: 0,
            cut: false,
        }
    }
}

impl Held {
    /// With the end of what it said as long as half the room is free, then without; false if not even that fits.
    fn add(&mut self, mut test: TestResult) -> bool {
        test.output = end_of(&test.output);
        if self.put(&test, HELD / 2) {
            return true;
        }
        test.output.clear();
        self.put(&test, HELD)
    }

    fn put(&mut self, test: &TestResult, room: usize) -> bool {
        let size = size(test);
        let fits = size <= room.saturating_sub(self.size);
        if fits {
            self.size += size;
            self.tests.push(test.clone());
        }
        fits
    }
}

/// Of a list of units as JSON, in bytes.
pub fn units_size(units: &[String]) -> usize {
    serde_json::to_vec(units).map_or(usize::MAX, |json| json.len())
}

/// As JSON, in bytes, with what stands between two.
pub fn size(test: &TestResult) -> usize {
    serde_json::to_vec(test).map_or(usize::MAX, |json| json.len() + 1)
}

fn end_of(output: &str) -> String {
    let from = output.char_indices().rev().nth(OUTPUT - 1);
    output[from.map_or(0, |(at, _)| at)..].to_owned()
}

impl Results {
    /// What came of one group, which ran to its end; `cut` if there may have been failed tests beside these.
    pub fn add(&mut self, tests: Vec<TestResult>, cut: bool) {
        self.groups += 1;
        self.cut |= cut;
        for test in tests {
            let Ok(mut line) = serde_json::to_vec(&test) else {
                continue;
            };
            line.push(b'\n');
            // What was not told of may have failed: it must not be missing either.
            let failed = !test.outcome.is_good();
            let room = if failed { 2 * WHOLE } else { WHOLE };
            if self.written + line.len() <= room {
                self.written += line.len();
                // Writing to memory does not fail.
                drop(self.whole.write_all(&line));
            }
            match (failed, test.name.is_empty()) {
                (true, true) => self.cut |= !self.failed_units.add(test),
                (true, false) => self.cut |= !self.failed.add(test),
                // That one is missing means only that it is not told of.
                (false, true) => drop(self.units.add(test)),
                (false, false) => {}
            }
        }
    }

    /// Whether so many groups ran to their end, and all is held that failed or was not told of.
    pub fn is_complete(&self, groups: usize) -> bool {
        self.groups == groups && !self.cut
    }

    /// Stores all as a blob; `None` where there is nothing, or the bucket does not take it. And what is held: failed units,
    /// failed tests, other units.
    pub async fn store(self, bucket: &Bucket) -> (Vec<TestResult>, Option<BlobId>) {
        let mut told = self.failed_units.tests;
        told.extend(self.failed.tests);
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
    use farm_model::message::progress::TestOutcome;

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
    async fn failed_units_come_first_then_tests_then_units_and_all_is_in_the_blob() {
        use std::io::Read;
        let bucket = Bucket::open("memory:").unwrap();
        let mut results = Results::default();
        let tests = vec![
            result("passed", TestOutcome::Ok, 0),
            result("", TestOutcome::Ok, 0),
            result("failed", TestOutcome::Failed, 10),
            result("", TestOutcome::Failed, 0),
        ];
        results.add(tests, false);
        let (told, whole) = results.store(&bucket).await;
        let told = told.iter().map(|test| (test.name.as_str(), test.outcome));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("", TestOutcome::Failed),
                ("failed", TestOutcome::Failed),
                ("", TestOutcome::Ok)
            ]
        );
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
        assert_eq!(all.len(), 4);
        assert_eq!(all[2].output, "x".repeat(10));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut results = Results::default();
        for _ in 0..1000 {
            let tests = vec![
                result("t", TestOutcome::Failed, 1000),
                result("", TestOutcome::Ok, 0),
            ];
            results.add(tests, false);
        }
        assert!(results.failed.size <= HELD && results.units.size <= HELD);
        assert!(results.failed.tests.len() > 200 && results.units.tests.len() == 1000);
    }

    #[test]
    fn results_are_complete_if_every_group_ended_and_every_failed_test_is_held() {
        let failed = |name: &str| vec![result(name, TestOutcome::Failed, 3000)];
        let mut results = Results::default();
        results.add(failed("t"), false);
        assert!(results.is_complete(1) && !results.is_complete(2));
        // Only what they said finds no room.
        (0..500).for_each(|_| results.add(failed("t"), false));
        assert!(results.is_complete(501));
        results.add(failed(&"t".repeat(HELD)), false);
        assert!(!results.is_complete(502));
        let mut results = Results::default();
        results.add(vec![result("", TestOutcome::NotTold, 0)], false);
        assert_eq!(results.failed_units.tests.len(), 1);
        let mut results = Results::default();
        results.add(Vec::new(), true);
        assert!(!results.is_complete(1));
    }

    #[test]
    fn a_list_that_is_too_long_is_said_to_be() {
        let mut gains = Gains::default();
        assert!(gains.list(vec!["unit".to_owned(); 9000]));
        assert!(!gains.list(vec!["unit".to_owned(); 1000]));
        // Each of these takes six bytes in JSON.
        assert!(!Gains::default().list(vec!["\u{1}".repeat(100); 120]));
    }
}
