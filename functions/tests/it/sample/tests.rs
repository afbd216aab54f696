//! Tests that failed lately, and tests that fail by chance.

use farm_model::id::AttemptKey;
use farm_model::kept::Flake;
use farm_model::view::{FlakesView, TestFailure, TestLine, TestsView};

use super::{HOSTILE, at, commit, key_of};

/// A test of this name breaks an address and a page that do not look after it.
const TEST: &str = "Test<Dial>/a&b=c#d";

pub fn tests() -> TestsView {
    let commits = ['a', 'b', 'c'].map(|digit| commit(digit, "").id);
    TestsView {
        made: at("10:04:00"),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        commits: commits.to_vec(),
        tests: vec![
            TestLine {
                unit: "go_test:net".to_owned(),
                name: TEST.to_owned(),
                failures: vec![
                    failed_test('a', "linux-test", false),
                    failed_test('a', "pi", true),
                    failed_test('c', "pi", false),
                ],
            },
            TestLine {
                unit: "go_test:fmt".to_owned(),
                name: String::new(),
                failures: vec![failed_test('b', "pi", false)],
            },
        ],
    }
}

fn failed_test(digit: char, builder: &str, flaked: bool) -> TestFailure {
    let commit = commit(digit, HOSTILE);
    TestFailure {
        attempt: of(builder, digit),
        commit: commit.id,
        builder: builder.parse().unwrap(),
        flaked,
        output: format!("net_test.go:12: got {HOSTILE}\n"),
    }
}

fn of(builder: &str, digit: char) -> AttemptKey {
    let id = key_of(builder, &commit(digit, HOSTILE)).id();
    format!("{id}/1/tests-2/1").parse().unwrap()
}

pub fn flake() -> Flake {
    Flake {
        builder: "pi".parse().unwrap(),
        repo: "demo".parse().unwrap(),
        unit: "go_test:net".to_owned(),
        name: TEST.to_owned(),
        flaked: 3,
        ran: 40,
        first: at("09:00:00"),
        last: at("10:00:00"),
        evidence: of("pi", 'a'),
    }
}

pub fn flakes() -> FlakesView {
    FlakesView {
        made: at("10:00:01"),
        flakes: vec![flake()],
        count: 5,
    }
}
