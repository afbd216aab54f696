//! Rust's own harness.

use farm_model::message::work::TestFormat;
use farm_testlog::{Ended, Limits, Reader};

use crate::{of, read, told};

const CARGO: &str = include_str!("../data/cargo-test.txt");

#[test]
fn every_test_of_every_binary_is_told() {
    let found = read(TestFormat::Libtest, CARGO);
    let wanted = [
        "one tests::adds ok",
        "one tests::fails failed",
        "one tests::panics ok",
        "one tests::takes_long skipped",
        "one  failed",
        "whole also_fails failed",
        "whole whole ok",
        "whole  failed",
        "two alone ok",
        "two  ok",
        "one (doc) one/src/lib.rs - add (line 5) ok",
        "one (doc)  ok",
        "two (doc)  ok",
    ];
    assert_eq!(told(&found), wanted);
    let fails = &of(&found, "one", "tests::fails").output;
    assert!(
        fails.starts_with("printed before\nfailures:\n\n\nthread 'tests::fails'"),
        "{fails}"
    );
    assert!(
        fails.contains("wrong sum") && !fails.contains("    tests::fails\n"),
        "{fails}"
    );
    assert_eq!(
        of(&found, "whole", "also_fails").output,
        "to stderr\nError: \"no\"\n\n\n"
    );
    assert_eq!(of(&found, "one", "").milliseconds, 160);
}

#[test]
fn a_binary_that_dies_takes_the_test_that_ran_with_it() {
    let text = "     Running unittests src/lib.rs (target/debug/deps/one-83d69e65c7120d7f)\n\nrunning 2 tests\n\
        test tests::fine ... ok\ntest tests::dies ... error: test failed, to rerun pass `--lib`\n\nCaused by:\n  \
        process didn't exit successfully: `one` (signal: 11, SIGSEGV: invalid memory reference)\n";
    let found = read(TestFormat::Libtest, text);
    assert_eq!(
        told(&found),
        [
            "one tests::fine ok",
            "one tests::dies failed",
            "one  failed"
        ]
    );
    assert!(of(&found, "one", "tests::dies").output.contains("SIGSEGV"));
}

#[test]
fn what_does_not_compile_is_a_failed_unit() {
    let text = "error[E0308]: mismatched types\n --> src/lib.rs:2:5\n\nerror: could not compile `one` (lib test) due \
        to 1 previous error\n";
    let found = read(TestFormat::Libtest, text);
    assert_eq!(told(&found), ["one  failed"]);
    assert!(found.tests[0].output.contains("src/lib.rs:2:5"));
}

#[test]
fn a_binary_alone_has_no_name_and_tells_times_if_asked() {
    let text = "\nrunning 3 tests\ntest a ... ok <0.012s>\ntest b ... printed\nok\ntest c ... ignored\n\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.50s\n";
    let mut reader = Reader::new(TestFormat::Libtest, Limits::default());
    reader.push(text.as_bytes());
    let found = reader.finish(Ended::Well);
    assert_eq!(told(&found), [" a ok", " b ok", " c skipped", "  ok"]);
    assert_eq!(
        (found.tests[0].milliseconds, found.tests[3].milliseconds),
        (12, 1500)
    );
}

/// What cargo says of a binary, and what that says.
fn ran(krate: &str, hash: &str, said: &str) -> String {
    format!("     Running tests/it/main.rs (/t/{krate}/it-{hash})\n\nrunning 1 test\n{said}\n")
}

const PASSES: &str = "test wire ... ok\n\ntest result: ok. 1 passed; 0 failed; finished in 0.10s\n";
const FAILS: &str =
    "test wire ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed; finished in 0.20s\n";

#[test]
fn binaries_of_one_name_are_told_apart() {
    let (a, b) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
    let text = [
        ran("deps", a, PASSES),
        ran("deps", b, FAILS),
        ran("deps", a, PASSES),
    ]
    .concat();
    let found = read(TestFormat::Libtest, &text);
    let wanted = ["it wire ok", "it  ok", "it#2 wire failed", "it#2  failed"];
    assert_eq!(told(&found), wanted);
    assert_eq!(of(&found, "it", "").milliseconds, 200);
}

#[test]
fn a_harness_of_its_own_need_not_say_how_it_ended() {
    let own = "checked: all 7 are well\n";
    let text = [
        ran("deps", "aaaaaaaaaaaaaaaa", own),
        ran("deps", "bbbbbbbbbbbbbbbb", PASSES),
    ];
    let text = text.concat();
    let mut reader = Reader::new(TestFormat::Libtest, Limits::default());
    reader.push(text.as_bytes());
    let found = reader.finish(Ended::Well);
    assert_eq!(told(&found), ["it#2 wire ok", "it#2  ok", "it  ok"]);
    // Where the whole failed it may have died.
    let found = read(TestFormat::Libtest, &text);
    assert_eq!(told(&found), ["it#2 wire ok", "it#2  ok", "it  failed"]);
    assert!(of(&found, "it", "").output.contains("all 7 are well"));
}
