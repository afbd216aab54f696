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
