//! What a group's output means for the units that were scheduled.

use std::collections::BTreeSet;

use farm_model::message::progress::{TestOutcome, TestResult};

/// Before units of 2019's `dist test` that are packages (spec coordinator 5.6).
const PACKAGE: &str = "go_test:";

/// A group whose command has ended.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The step, for a group that names no units.
    pub step: &'a str,
    /// What was scheduled.
    pub units: &'a [String],
    /// Why the command did not end well.
    pub failure: Option<&'a str>,
    /// How long it took.
    pub milliseconds: u64,
}

/// Every test under the unit it belongs to, and one result for each unit. Tests that belong to no unit keep the name their
/// runner gives them. Where nothing tells how a unit did, the command's end does; where that was a failure of several
/// units' command, it is not known how it did.
pub fn judge(group: &Group<'_>, told: Vec<TestResult>) -> Vec<TestResult> {
    let mut tests: Vec<TestResult> = told.into_iter().map(|test| group.placed(test)).collect();
    let totals = group.totals(&tests);
    let good = |unit: &str| {
        let mut totals = totals.iter();
        totals.any(|total| total.unit == unit && total.outcome.is_good())
    };
    // A failed test in a unit that is not one was none: something it said looked like that.
    tests.retain(|test| {
        !test.name.is_empty() && (test.outcome != TestOutcome::Failed || !good(&test.unit))
    });
    tests.extend(totals);
    tests
}

impl Group<'_> {
    /// The test under its unit.
    fn placed(&self, test: TestResult) -> TestResult {
        if let Some(unit) = self.units.iter().find(|unit| is(unit, &test.unit)) {
            let unit = unit.clone();
            return TestResult { unit, ..test };
        }
        // The unit may be a test, or something around it, by one of the names that people give it.
        let names = names(&test);
        let within = |unit: &&String| names.iter().any(|name| lies_in(name, unit));
        if let Some(unit) = self
            .units
            .iter()
            .filter(within)
            .max_by_key(|unit| unit.len())
        {
            let whole = names.iter().any(|name| name == unit);
            return TestResult {
                unit: unit.clone(),
                name: if whole {
                    String::new()
                } else {
                    longest(&names)
                },
                ..test
            };
        }
        match self.units {
            [unit] => TestResult {
                unit: unit.clone(),
                name: longest(&names),
                ..test
            },
            _ => test,
        }
    }

    /// One result for each unit that was scheduled, and for each other that was told of.
    fn totals(&self, tests: &[TestResult]) -> Vec<TestResult> {
        let told: BTreeSet<&str> = tests.iter().map(|test| test.unit.as_str()).collect();
        let scheduled = self.units.iter().map(String::as_str);
        let others = told.iter().copied().filter(|unit| !self.has(unit));
        let mut units: Vec<&str> = scheduled.chain(others).collect();
        if units.is_empty() {
            units.push(self.step);
        }
        let mut totals: Vec<TestResult> = units
            .iter()
            .filter_map(|unit| self.total(unit, tests))
            .collect();
        let blamed = totals
            .iter()
            .any(|total| total.outcome == TestOutcome::Failed);
        let silent = units.iter().filter(|unit| !told.contains(**unit));
        let outcome = match self.failure {
            None => TestOutcome::Ok,
            // There is nobody else whose fault it can be.
            Some(_) if units.len() == 1 => TestOutcome::Failed,
            Some(_) => TestOutcome::NotTold,
        };
        totals.extend(silent.map(|unit| self.by_the_command(unit, outcome)));
        if self.failure.is_some() && !blamed && told.len() == units.len() {
            // All is well by what was told, and yet the command failed: it is not told whose fault that is.
            totals.iter_mut().for_each(|total| {
                *total = self.by_the_command(&total.unit, outcome);
            });
        }
        totals
    }

    /// By what was told of it: itself, or what is in it.
    fn total(&self, unit: &str, tests: &[TestResult]) -> Option<TestResult> {
        let of_unit: Vec<&TestResult> = tests.iter().filter(|test| test.unit == unit).collect();
        let own = of_unit.iter().filter(|test| test.name.is_empty());
        let failed = |test: &&&TestResult| test.outcome == TestOutcome::Failed;
        let mut total = match own.clone().find(failed).or(own.clone().next()) {
            Some(own) => (*own).clone(),
            None => TestResult {
                unit: unit.to_owned(),
                name: String::new(),
                outcome: sum(&of_unit)?,
                milliseconds: of_unit.iter().map(|test| test.milliseconds).sum(),
                output: String::new(),
            },
        };
        // Its own word and the command's count more than what may be a line that a test has printed.
        let sure = self.failure.is_none() && own.clone().next().is_some();
        if !sure
            && of_unit
                .iter()
                .any(|test| test.outcome == TestOutcome::Failed)
        {
            total.outcome = TestOutcome::Failed;
        }
        if self.units.len() == 1 {
            // It ran alone: all that time was its.
            total.milliseconds = self.milliseconds;
        }
        Some(total)
    }

    fn by_the_command(&self, unit: &str, outcome: TestOutcome) -> TestResult {
        TestResult {
            unit: unit.to_owned(),
            name: String::new(),
            outcome,
            milliseconds: if self.units.len() <= 1 {
                self.milliseconds
            } else {
                0
            },
            output: self.failure.unwrap_or_default().to_owned(),
        }
    }

    fn has(&self, unit: &str) -> bool {
        self.units.iter().any(|own| own == unit)
    }
}

/// Failed if one is; skipped if all are; nothing of nothing.
fn sum(tests: &[&TestResult]) -> Option<TestOutcome> {
    let has = |outcome| tests.iter().any(|test| test.outcome == outcome);
    let outcomes = [TestOutcome::Failed, TestOutcome::Ok, TestOutcome::Skipped];
    outcomes.into_iter().find(|outcome| has(*outcome))
}

/// Whether the unit is what a runner calls `told`.
fn is(unit: &str, told: &str) -> bool {
    unit == told || unit.strip_prefix(PACKAGE) == Some(told)
}

/// How people call a test: by its name, or with where it lies, put together as Go, Java, Rust and Python do.
fn names(test: &TestResult) -> Vec<String> {
    let (unit, name) = (&test.unit, &test.name);
    if unit.is_empty() {
        return vec![name.clone()];
    }
    if name.is_empty() {
        return vec![unit.clone()];
    }
    let file = format!("{}.py", unit.replace('.', "/"));
    vec![
        name.clone(),
        format!("{unit}.{name}"),
        format!("{unit}::{name}"),
        format!("{file}::{name}"),
    ]
}

/// Whether a test lies in the unit: is it, or begins with it and a mark between names.
fn lies_in(name: &str, unit: &str) -> bool {
    match name.strip_prefix(unit) {
        Some(rest) => rest.is_empty() || rest.starts_with(['/', '.', ':', '[', '#']),
        // A class is often named without its package.
        None => name.rsplit_once('.').is_some_and(|(class, _)| {
            class
                .strip_suffix(unit)
                .is_some_and(|before| before.ends_with('.'))
        }),
    }
}

fn longest(names: &[String]) -> String {
    // The second is unit and name, where there are both.
    names.get(1).or(names.first()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(text: &str) -> TestResult {
        let [unit, name, outcome, took] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        TestResult {
            unit: unit.to_owned(),
            name: name.to_owned(),
            outcome: match outcome {
                "ok" => TestOutcome::Ok,
                "failed" => TestOutcome::Failed,
                _ => TestOutcome::Skipped,
            },
            milliseconds: took.parse().unwrap(),
            output: String::new(),
        }
    }

    /// `unit name outcome milliseconds`, in a command of 100 ms.
    fn judged(units: &[&str], failure: Option<&str>, told: &[&str]) -> Vec<String> {
        let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
        let group = Group {
            step: "test",
            units: &units,
            failure,
            milliseconds: 100,
        };
        let results = judge(&group, told.iter().map(|text| test(text)).collect());
        let line = |test: &TestResult| {
            let outcome = format!("{:?}", test.outcome).to_lowercase();
            format!(
                "{} {} {outcome} {}",
                test.unit, test.name, test.milliseconds
            )
        };
        results.iter().map(line).collect()
    }

    #[test]
    fn packages_are_units_with_and_without_their_prefix() {
        let told = ["a/b TestX failed 5", "a/b  failed 20", "c  ok 10"];
        assert_eq!(
            judged(&["go_test:a/b", "go_test:c"], Some("exit status 1"), &told),
            [
                "go_test:a/b TestX failed 5",
                "go_test:a/b  failed 20",
                "go_test:c  ok 10"
            ]
        );
    }

    #[test]
    fn a_unit_that_ran_alone_has_all_the_time() {
        assert_eq!(judged(&["a/b"], None, &["a/b  ok 20"]), ["a/b  ok 100"]);
        assert_eq!(judged(&["a"], None, &[]), ["a  ok 100"]);
        assert_eq!(judged(&["a", "b"], None, &[]), ["a  ok 0", "b  ok 0"]);
    }

    #[test]
    fn without_a_word_the_command_decides() {
        let end = Some("exit status 1");
        assert_eq!(judged(&["a"], end, &[]), ["a  failed 100"]);
        assert_eq!(judged(&["a"], end, &["a  ok 7"]), ["a  failed 100"]);
        assert_eq!(judged(&[], end, &[]), ["test  failed 100"]);
    }

    #[test]
    fn without_a_word_nobody_knows_which_of_several_failed() {
        let end = Some("exit status 1");
        assert_eq!(
            judged(&["a", "b"], end, &[]),
            ["a  nottold 0", "b  nottold 0"]
        );
        // One is known to be good; of the other nothing was said.
        assert_eq!(
            judged(&["a", "b"], end, &["a  ok 7"]),
            ["a  ok 7", "b  nottold 0"]
        );
        // One is to blame: the other need not even have run.
        assert_eq!(
            judged(&["a", "b"], end, &["a TestX failed 7"]),
            ["a TestX failed 7", "a  failed 7", "b  nottold 0"]
        );
        // All are told to be good, and yet.
        assert_eq!(
            judged(&["a", "b"], end, &["a  ok 7", "b  ok 8"]),
            ["a  nottold 0", "b  nottold 0"]
        );
    }

    #[test]
    fn a_failed_test_is_a_failed_unit_even_if_the_command_ended_well() {
        let told = ["a/b TestX failed 5", "a/b TestY ok 6"];
        assert_eq!(
            judged(&["a/b", "c"], None, &told)[2..],
            ["a/b  failed 11", "c  ok 0"]
        );
    }

    #[test]
    fn a_unit_that_says_it_is_good_is_if_the_command_ended_well() {
        let told = ["a TestX failed 5", "a TestY ok 6", "a  ok 20"];
        assert_eq!(
            judged(&["a", "b"], None, &told),
            ["a TestY ok 6", "a  ok 20", "b  ok 0"]
        );
        assert_eq!(judged(&["a", "b"], Some("x"), &told)[2], "a  failed 20");
    }

    #[test]
    fn units_may_be_tests_classes_or_files() {
        let told = ["one tests::adds ok 1", "one tests::fails failed 2"];
        assert_eq!(
            judged(&["tests::adds", "tests::fails"], Some("x"), &told),
            ["tests::adds  ok 1", "tests::fails  failed 2"]
        );
        let told = ["org.example.SampleTest adds ok 3"];
        assert_eq!(
            judged(&["SampleTest", "OtherTest"], None, &told)[..2],
            [
                "SampleTest org.example.SampleTest.adds ok 3",
                "SampleTest  ok 3"
            ]
        );
        let told = [
            "tests.test_a test_x[1] ok 3",
            "tests.test_a test_y failed 4",
        ];
        assert_eq!(
            judged(
                &["tests/test_a.py", "tests/test_b.py::test_z"],
                Some("x"),
                &told
            )[1..],
            [
                "tests/test_a.py tests.test_a.test_y failed 4",
                "tests/test_a.py  failed 7",
                "tests/test_b.py::test_z  nottold 0"
            ]
        );
    }

    #[test]
    fn a_command_without_units_tells_its_own() {
        let told = ["one tests::adds ok 1", "one  ok 5"];
        assert_eq!(
            judged(&[], None, &told),
            ["one tests::adds ok 1", "one  ok 5"]
        );
    }
}
