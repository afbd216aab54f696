//! What has been found so far, within limits.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;

use farm_model::message::progress::{TestOutcome, TestResult};

use crate::excerpt::Excerpt;
use crate::reader::Ended;
use crate::result::{Found, Limits};

/// What one entry costs beside its texts, in bytes, about.
const ENTRY: usize = 160;

/// Unit and name.
type Key = (String, String);

/// Tests that run, and tests that have ended.
pub struct Book {
    limits: Limits,
    open: BTreeMap<Key, Open>,
    tests: Vec<TestResult>,
    places: HashMap<Key, usize>,
    /// Bytes held, about.
    used: usize,
    dropped: u64,
    dropped_failed: u64,
    begun: u64,
}

/// One that has not ended, or not been closed.
#[derive(Default)]
struct Open {
    /// When it began, counted.
    number: u64,
    output: Excerpt,
    /// It was said to run.
    runs: bool,
    /// How it ended, where that was said before it was known whose it is.
    told: Option<(TestOutcome, u64)>,
}

impl Book {
    /// Nothing has been found.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: BTreeMap::new(),
            tests: Vec::new(),
            places: HashMap::new(),
            used: 0,
            dropped: 0,
            dropped_failed: 0,
            begun: 0,
        }
    }

    /// A test runs.
    pub fn begin(&mut self, unit: &str, name: &str) {
        if let Some(open) = self.opened(unit, name) {
            open.runs = true;
        }
    }

    /// A test waits for its turn: what ends it then is not its fault.
    pub fn pause(&mut self, unit: &str, name: &str) {
        if let Some(open) = self.opened(unit, name) {
            open.runs = false;
        }
    }

    /// A test, or its unit where `name` is empty, says `text`.
    pub fn output(&mut self, unit: &str, name: &str, text: &str) {
        let limit = self.limits.output;
        if self.used + text.len().min(limit) > self.shared() {
            return;
        }
        let grown = self
            .opened(unit, name)
            .map(|open| open.output.push(text, limit));
        self.used += grown.unwrap_or(0);
    }

    /// What `from` has said is said by `to`, too.
    pub fn quote(&mut self, from: &str, to: &str) {
        if let Some(open) = self.open.get(&key(from, "")) {
            let text = open.output.text();
            self.output(to, "", &text);
        }
    }

    /// How a test ended, whose unit is closed later.
    pub fn tell(&mut self, unit: &str, name: &str, outcome: TestOutcome, milliseconds: u64) {
        match self.opened(unit, name) {
            Some(open) => open.told = Some((outcome, milliseconds)),
            None => self.drop_one(outcome),
        }
    }

    /// A test has ended.
    pub fn end(&mut self, unit: &str, name: &str, outcome: TestOutcome, milliseconds: u64) {
        let output = match self.open.remove(&key(unit, name)) {
            Some(open) => {
                self.used -= open.cost(unit, name);
                open.output
            }
            None => Excerpt::default(),
        };
        self.enter(key(unit, name), (outcome, milliseconds), &output);
    }

    /// A unit has ended, and with it all that ran in it. What was said under `told_as` was said of it.
    pub fn close(&mut self, told_as: &str, unit: &str, outcome: TestOutcome, milliseconds: u64) {
        let badly = outcome == TestOutcome::Failed;
        // Behind the unit's last name, before the next unit.
        let of_unit = key(told_as, "")..key(&format!("{told_as}\0"), "");
        for ((_, name), open) in self.take(of_unit) {
            if name.is_empty() {
                self.output(unit, "", &open.output.text());
            } else if let Some(ended) = open.ended(badly) {
                self.enter(key(unit, &name), ended, &open.output);
            }
        }
        self.end(unit, "", outcome, milliseconds);
    }

    /// Nothing more comes. What still runs when a runner ended badly is what it died of.
    pub fn finish(mut self, ended: Ended) -> Found {
        let badly = ended == Ended::Badly;
        for (key, open) in self.take(..) {
            if let Some(ended) = open.ended(badly) {
                self.enter(key, ended, &open.output);
            }
        }
        Found {
            tests: self.tests,
            dropped: self.dropped,
            dropped_failed: self.dropped_failed,
        }
    }

    /// Takes out what is open of these, in the order of its beginning.
    fn take(&mut self, of: impl RangeBounds<Key>) -> Vec<(Key, Open)> {
        let mut taken: Vec<(Key, Open)> = self.open.extract_if(of, |_, _| true).collect();
        for ((unit, name), open) in &taken {
            self.used -= open.cost(unit, name);
        }
        taken.sort_by_key(|(_, open)| open.number);
        taken
    }

    /// Enters a result, or adds it to what is known of the same test.
    fn enter(&mut self, key: Key, (outcome, milliseconds): (TestOutcome, u64), said: &Excerpt) {
        let output = match outcome {
            TestOutcome::Failed => said.text(),
            TestOutcome::Ok | TestOutcome::Skipped | TestOutcome::NotTold => String::new(),
        };
        if let Some(known) = self.places.get(&key).and_then(|at| self.tests.get_mut(*at)) {
            known.milliseconds = known.milliseconds.saturating_add(milliseconds);
            known.outcome = worse(known.outcome, outcome);
            if known.output.is_empty() {
                self.used += output.len();
                known.output = output;
            }
            return;
        }
        let size = ENTRY + 2 * (key.0.len() + key.1.len()) + output.len();
        if self.used + size > self.room(&key.1, outcome) {
            return self.drop_one(outcome);
        }
        self.used += size;
        self.places.insert(key.clone(), self.tests.len());
        self.tests.push(TestResult {
            unit: key.0,
            name: key.1,
            outcome,
            milliseconds,
            output,
        });
    }

    /// What may be used once the result is entered, in bytes. The last eighth is for units: one of which nothing is told
    /// is run again. Half of the rest is for tests that failed, and for what is said.
    fn room(&self, name: &str, outcome: TestOutcome) -> usize {
        match (name.is_empty(), outcome.is_good()) {
            (true, _) => self.limits.memory,
            (false, false) => self.shared(),
            (false, true) => self.shared() / 2,
        }
    }

    /// Of all memory what is not for units alone.
    fn shared(&self) -> usize {
        self.limits.memory / 8 * 7
    }

    fn drop_one(&mut self, outcome: TestOutcome) {
        self.dropped += 1;
        self.dropped_failed += u64::from(outcome == TestOutcome::Failed);
    }

    fn opened(&mut self, unit: &str, name: &str) -> Option<&mut Open> {
        let key = key(unit, name);
        if !self.open.contains_key(&key) {
            let cost = ENTRY + unit.len() + name.len();
            if self.used + cost > self.shared() {
                return None;
            }
            self.used += cost;
            self.begun += 1;
            let number = self.begun;
            let open = Open {
                number,
                ..Open::default()
            };
            self.open.insert(key.clone(), open);
        }
        self.open.get_mut(&key)
    }
}

impl Open {
    fn cost(&self, unit: &str, name: &str) -> usize {
        ENTRY + unit.len() + name.len() + self.output.kept()
    }

    /// How it ended, where that was said, or can be told from how its unit did.
    fn ended(&self, badly: bool) -> Option<(TestOutcome, u64)> {
        let died = (badly && self.runs).then_some((TestOutcome::Failed, 0));
        self.told.or(died)
    }
}

/// Failed once is failed; not run once is no matter.
fn worse(one: TestOutcome, other: TestOutcome) -> TestOutcome {
    match (one, other) {
        (TestOutcome::Failed, _) | (_, TestOutcome::Failed) => TestOutcome::Failed,
        (TestOutcome::NotTold, other) | (other, TestOutcome::NotTold) => other,
        (TestOutcome::Skipped, other) | (other, TestOutcome::Skipped) => other,
        (TestOutcome::Ok, TestOutcome::Ok) => TestOutcome::Ok,
    }
}

fn key(unit: &str, name: &str) -> Key {
    (unit.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(memory: usize) -> Limits {
        Limits {
            memory,
            ..Limits::default()
        }
    }

    #[test]
    fn failed_tests_find_room_where_passed_ones_do_not() {
        let mut book = Book::new(limits(10_000));
        for number in 0..100 {
            book.end("u", &format!("passed{number}"), TestOutcome::Ok, 1);
        }
        book.output("u", "broken", "why");
        book.end("u", "broken", TestOutcome::Failed, 1);
        let found = book.finish(Ended::Badly);
        let last = found.tests.last().unwrap();
        assert_eq!(
            (last.name.as_str(), last.output.as_str()),
            ("broken", "why")
        );
        assert!(
            found.tests.len() < 40 && found.dropped > 60,
            "{}",
            found.dropped
        );
        assert_eq!(found.tests.len() as u64 + found.dropped, 101);
        assert_eq!(found.dropped_failed, 0);
    }

    #[test]
    fn failed_tests_without_room_are_counted_and_passed_units_find_it() {
        let mut book = Book::new(limits(10_000));
        for number in 0..30 {
            book.end("u", &format!("passed{number}"), TestOutcome::Ok, 1);
        }
        book.end("u", "", TestOutcome::Ok, 1);
        assert_eq!(book.tests.last().map(|test| test.name.as_str()), Some(""));
        book.output("u", "broken", &"x".repeat(9_000));
        book.end("u", &"broken".repeat(2_000), TestOutcome::Failed, 1);
        assert_eq!(book.finish(Ended::Badly).dropped_failed, 1);
    }

    #[test]
    fn a_unit_finds_room_behind_whatever_its_tests_said() {
        let mut book = Book::new(limits(100_000));
        for number in 0..1000 {
            let name = format!("t{number}");
            book.output("u", &name, &"x".repeat(1000));
            book.end("u", &name, TestOutcome::Failed, 1);
        }
        book.begin("v", "open");
        book.output("v", "open", &"x".repeat(1000));
        for unit in ["u", "v", "w"] {
            book.end(unit, "", TestOutcome::Ok, 1);
        }
        let found = book.finish(Ended::Badly);
        let units = found.tests.iter().filter(|test| test.name.is_empty());
        assert_eq!(units.count(), 3);
        assert!(found.dropped_failed > 0);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut book = Book::new(limits(100_000));
        for number in 0..5_000 {
            book.begin("u", &format!("t{number}"));
            book.output("u", &format!("t{number}"), &"x".repeat(1000));
            assert!(book.used <= 100_000);
        }
        book.close("u", "u", TestOutcome::Failed, 0);
        assert!(book.open.is_empty() && book.used <= 100_000);
        let entered: usize = book.tests.iter().map(|test| test.output.len()).sum();
        assert!(entered > 50_000 && entered < 100_000, "{entered}");
    }

    #[test]
    fn failed_once_is_failed() {
        let mut book = Book::new(Limits::default());
        book.end("u", "t", TestOutcome::Skipped, 1);
        book.end("u", "t", TestOutcome::Failed, 2);
        book.end("u", "t", TestOutcome::Ok, 3);
        let found = book.finish(Ended::Badly);
        assert_eq!(found.tests.len(), 1);
        assert_eq!(
            (found.tests[0].outcome, found.tests[0].milliseconds),
            (TestOutcome::Failed, 6)
        );
    }
}
