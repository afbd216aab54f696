//! Go.

use farm_model::message::progress::TestOutcome;
use farm_model::message::work::TestFormat;
use farm_testlog::{Ended, Limits, Reader};

use crate::{of, read, told};

const JSON: &str = include_str!("../data/go-json.txt");
const TEXT: &str = include_str!("../data/go-text.txt");
const VERBOSE: &str = include_str!("../data/go-text-v.txt");
const DIST: &str = include_str!("../data/dist-test.txt");

const BAD: &str = "example.org/sample/bad";
const BOOM: &str = "example.org/sample/boom";
const BROKEN: &str = "example.org/sample/broken";

/// Every test of the sample, in the order in which they end.
const ALL: [&str; 16] = [
    "bad TestFine ok",
    "bad TestWrong/left ok",
    "bad TestWrong/right failed",
    "bad TestWrong failed",
    "bad  failed",
    "boom TestBefore ok",
    "boom TestBoom failed",
    "boom  failed",
    "broken  failed",
    "empty  skipped",
    "good TestAdd ok",
    "good TestTable/one ok",
    "good TestTable/two_words ok",
    "good TestTable ok",
    "good TestLater skipped",
    "good  ok",
];

fn all() -> Vec<String> {
    ALL.iter()
        .map(|line| format!("example.org/sample/{line}"))
        .collect()
}

#[test]
fn events_tell_every_test_of_every_package() {
    let found = read(TestFormat::GoJson, JSON);
    assert_eq!(told(&found), all());
    let right = of(&found, BAD, "TestWrong/right");
    assert_eq!(
        right.output,
        "    bad_test.go:13: got 1, want 2\n--- FAIL: TestWrong/right (0.00s)\n"
    );
    assert!(
        of(&found, BAD, "TestWrong")
            .output
            .starts_with("looking closely\n")
    );
    assert!(
        of(&found, BOOM, "TestBoom")
            .output
            .contains("assignment to entry in nil map")
    );
    let broken = &of(&found, BROKEN, "").output;
    assert!(
        broken.contains("broken.go:3:28: cannot use \"no number\""),
        "{broken}"
    );
    assert_eq!(of(&found, BAD, "").milliseconds, 12);
    assert!(
        of(&found, "example.org/sample/good", "TestAdd")
            .output
            .is_empty()
    );
}

#[test]
fn text_for_people_tells_the_same() {
    let mut verbose = told(&read(TestFormat::Go, VERBOSE));
    let mut wanted = all();
    verbose.sort();
    wanted.sort();
    assert_eq!(verbose, wanted);
}

#[test]
fn without_v_only_failed_tests_are_named_and_every_package() {
    let found = read(TestFormat::Go, TEXT);
    let wanted = [
        "bad TestWrong failed",
        "bad TestWrong/right failed",
        "bad  failed",
        "boom TestBoom failed",
        "boom  failed",
        "broken  failed",
        "empty  skipped",
        "good  ok",
    ];
    let wanted = wanted.map(|line| format!("example.org/sample/{line}"));
    assert_eq!(told(&found), wanted);
    assert_eq!(
        of(&found, BAD, "TestWrong/right").output,
        "        bad_test.go:13: got 1, want 2\n"
    );
    assert!(of(&found, BOOM, "TestBoom").output.contains("nil map"));
    assert!(of(&found, BROKEN, "").output.contains("broken.go:3:28"));
    assert_eq!(of(&found, "example.org/sample/good", "").milliseconds, 4);
}

#[test]
fn dist_names_its_packages_between_its_banners() {
    let mut reader = Reader::new(TestFormat::Go, Limits::default());
    reader.push(DIST.as_bytes());
    let found = reader.finish(Ended::Well);
    assert_eq!(told(&found), ["errors  ok", "unicode/utf8  ok"]);
}

#[test]
fn dist_of_2019_is_read_with_its_failure() {
    let text = "\nXYZTesting packages.\nok  \tarchive/tar\t0.039s\n--- FAIL: TestRead (0.01s)\n    \
        read_test.go:9: no\nFAIL\nFAIL\tarchive/zip\t1.200s\n2019/04/25 10:00:00 Failed: exit status 1\n";
    let found = read(TestFormat::Go, text);
    assert_eq!(
        told(&found),
        [
            "archive/tar  ok",
            "archive/zip TestRead failed",
            "archive/zip  failed"
        ]
    );
    assert_eq!(of(&found, "archive/zip", "").milliseconds, 1200);
}

#[test]
fn a_test_that_waited_when_another_died_has_not_failed() {
    let text = "=== RUN   TestWaits\n=== PAUSE TestWaits\n=== RUN   TestGoes\n=== PAUSE TestGoes\n\
        === CONT  TestGoes\npanic: x\nFAIL\tp\t0.01s\n";
    let wanted = ["p TestGoes failed", "p  failed"];
    assert_eq!(told(&read(TestFormat::Go, text)), wanted);
    let event = |action: &str, test: &str| {
        format!("{{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"{test}\"}}\n")
    };
    let mut json = String::new();
    for test in ["TestWaits", "TestGoes"] {
        json += &(event("run", test) + &event("pause", test));
    }
    json += &event("cont", "TestGoes");
    json += "{\"Action\":\"fail\",\"Package\":\"p\"}\n";
    assert_eq!(told(&read(TestFormat::GoJson, &json)), wanted);
}

#[test]
fn what_a_test_logs_is_no_verdict() {
    let text = "=== RUN   TestRunner\n    --- FAIL: TestInner (0.00s)\n        --- FAIL: TestInner/a (0.00s)\n\
        --- PASS: TestRunner (0.00s)\n    --- PASS: TestRunner/a/b (0.00s)\nPASS\nok  \tp\t0.01s\n";
    assert_eq!(
        told(&read(TestFormat::Go, text)),
        ["p TestRunner ok", "p TestRunner/a/b ok", "p  ok"]
    );
}

#[test]
fn a_test_that_ran_when_everything_ended_is_what_it_died_of() {
    let upto = JSON.find(
        "\"Action\":\"fail\",\"Package\":\"example.org/sample/bad\",\"Test\":\"TestWrong/right\"",
    );
    let cut = &JSON[..upto.unwrap()];
    let found = read(TestFormat::GoJson, cut);
    assert_eq!(
        told(&found)[2..],
        [
            format!("{BAD} TestWrong failed"),
            format!("{BAD} TestWrong/right failed")
        ]
    );
    let mut calm = Reader::new(TestFormat::GoJson, Limits::default());
    calm.push(cut.as_bytes());
    assert!(
        calm.finish(Ended::Well)
            .tests
            .iter()
            .all(|test| test.outcome == TestOutcome::Ok)
    );
}
