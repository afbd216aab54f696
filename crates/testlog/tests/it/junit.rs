//! JUnit's XML.

use farm_model::message::work::TestFormat;
use farm_testlog::{Ended, Limits, Reader};

use crate::{of, read, told};

const PYTEST: &str = include_str!("../data/pytest.xml");
const SUREFIRE: &str = include_str!("../data/surefire.xml");

const MAVEN: &str = "org.example.SampleTest";

#[test]
fn pytest_is_read() {
    let found = read(TestFormat::Junit, PYTEST);
    let wanted = [
        "test_adds ok",
        "test_fails failed",
        "test_skips skipped",
        "test_errors failed",
        "test_numbers[1] ok",
        "test_numbers[2] failed",
    ];
    assert_eq!(
        told(&found),
        wanted.map(|line| format!("test_sample {line}"))
    );
    let fails = &of(&found, "test_sample", "test_fails").output;
    assert!(
        fails.starts_with("AssertionError: lists differ: \"quoted\"\nassert [1, 2]"),
        "{fails}"
    );
    assert!(fails.contains("print(\"before & <after>\")"), "{fails}");
    assert!(
        of(&found, "test_sample", "test_errors")
            .output
            .contains("no ärger ]]> please")
    );
    assert_eq!(of(&found, "test_sample", "test_adds").milliseconds, 1);
}

#[test]
fn mavens_reruns_decide() {
    let found = read(TestFormat::Junit, SUREFIRE);
    let wanted = [
        "breaks failed",
        "sometimes ok",
        "adds ok",
        "later skipped",
        "never failed",
    ];
    assert_eq!(told(&found), wanted.map(|line| format!("{MAVEN} {line}")));
    let breaks = of(&found, MAVEN, "breaks");
    assert!(
        breaks
            .output
            .contains("IllegalStateException: <broken>\n\tat org.example")
    );
    assert_eq!(
        (
            breaks.milliseconds,
            breaks.output.matches("SampleTest.java:29").count()
        ),
        (35, 2)
    );
    assert!(of(&found, MAVEN, "sometimes").output.is_empty());
}

#[test]
fn reports_lie_between_other_text_and_one_behind_the_other() {
    let text = format!(
        "a < b <tests>\n{PYTEST}\n[INFO] done <<testsuit\n{SUREFIRE}<testsuite><testcase name='x'"
    );
    assert_eq!(read(TestFormat::Junit, &text).tests.len(), 11);
}

#[test]
fn one_that_breaks_off_does_not_spoil_the_next() {
    let text = format!(
        "{}{PYTEST}",
        &SUREFIRE[..SUREFIRE.find("<rerunError").unwrap()]
    );
    assert_eq!(
        told(&read(TestFormat::Junit, &text)),
        told(&read(TestFormat::Junit, PYTEST))
    );
}

#[test]
fn a_file_that_breaks_off_anywhere_does_not_reach_into_the_next() {
    for cut in ["<system-out><![CDATA[x", "<!-- ", "<failure message=\"x"] {
        let mut reader = Reader::new(TestFormat::Junit, Limits::default());
        reader.push(format!("<testsuite><testcase name='a'>{cut}").as_bytes());
        reader.next_document();
        reader.push(b"<testsuite name='s'><testcase name='b' status='notrun'/></testsuite>");
        assert_eq!(told(&reader.finish(Ended::Badly)), ["s b skipped"], "{cut}");
    }
}

#[test]
fn comments_thousands_and_suites_without_classes_are_understood() {
    let text = "<testsuites><!-- > <testcase name=\"no\"/> --><testsuite name='a&amp;b'>\
        <testcase name=\"slow > fast\" time=\"1,234.5\"/><testcase name='bad'><failure/>\
        <system-out><![CDATA[x]]]]><![CDATA[>]]></system-out></testcase></testsuite></testsuites>";
    let found = read(TestFormat::Junit, text);
    assert_eq!(told(&found), ["a&b slow > fast ok", "a&b bad failed"]);
    assert_eq!(found.tests[0].milliseconds, 1_234_500);
    assert_eq!(found.tests[1].output, "x]]>");
}
