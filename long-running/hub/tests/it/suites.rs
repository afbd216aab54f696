//! Tests in groups.

use std::io::{Read, Write as _};
use std::process::Command;

use farm_model::message::progress::{AttemptReport, Outcome, TestOutcome, TestResult};
use farm_model::message::work::RunJob;
use flate2::read::GzDecoder;

use crate::harness::{Bench, PATIENCE};

/// Passes units that do not begin with `bad`, and talks like `go test`.
const GO: &str = r#"s=0; for u in "$@"; do case $u in
bad*) echo "--- FAIL: TestX (0.01s)"; echo "    x_test.go:1: no"; echo FAIL; printf 'FAIL\t%s\t0.02s\n' "$u"; s=1;;
*) printf 'ok  \t%s\t0.03s\n' "$u";; esac; done; exit $s"#;

fn tests(job: &mut RunJob, script: &str, format: &str, groups: &[&[&str]]) {
    let step = serde_json::json!({
        "do": "tests",
        "command": { "name": "test", "argv": ["sh", "-c", script, "sh"], "timeout_seconds": 60 },
        "groups": groups,
        "format": format,
    });
    job.steps.push(serde_json::from_value(step).unwrap());
}

fn last(job: &mut RunJob) -> &mut farm_model::message::work::Tests {
    match job.steps.last_mut() {
        Some(farm_model::message::work::Step::Tests(tests)) => tests,
        other => panic!("{other:?}"),
    }
}

/// `unit name outcome`.
fn told<'a>(tests: impl IntoIterator<Item = &'a TestResult>) -> Vec<String> {
    let line = |test: &TestResult| {
        let outcome = match test.outcome {
            TestOutcome::Ok => "ok",
            TestOutcome::Failed => "failed",
            TestOutcome::Skipped => "skipped",
            TestOutcome::NotTold => "not told",
        };
        format!("{} {} {outcome}", test.unit, test.name)
    };
    tests.into_iter().map(line).collect()
}

async fn whole(b: &Bench, report: &AttemptReport) -> Vec<TestResult> {
    let id = report.tests_whole.as_ref().unwrap();
    let blob = b.bucket.get_blob(id, 1 << 20).await.unwrap().unwrap();
    let mut text = String::new();
    GzDecoder::new(&blob[..]).read_to_string(&mut text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_group_runs_and_every_unit_has_its_outcome() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    tests(
        &mut job,
        GO,
        "go",
        &[&["a", "bad/one"], &["bad/two"], &["c"]],
    );
    let report = b.run(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step test: bad/one, bad/two failed")
    );
    let names: Vec<_> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["test a (+1)", "test bad/two", "test c"]);
    let wanted = [
        "bad/one  failed",
        "bad/two  failed",
        "bad/one TestX failed",
        "bad/two TestX failed",
        "a  ok",
        "c  ok",
    ];
    assert_eq!(told(&report.tests), wanted);
    assert_eq!(report.tests[2].output, "    x_test.go:1: no\n");
    assert!(report.tests_complete);
    // Its own where it ran with others, all of the time where it ran alone.
    assert_eq!(
        (report.tests[0].milliseconds, report.tests[4].milliseconds),
        (20, 30)
    );
    assert!(report.tests[5].milliseconds >= report.steps[2].milliseconds);
    assert_eq!(whole(&b, &report).await.len(), 6);
    b.step_started(&job, "test a (+1)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_failure_ends_it_where_that_is_wanted() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    tests(&mut job, GO, "go", &[&["a"], &["bad"], &["c"]]);
    last(&mut job).stop_at_first = true;
    let report = b.run(&job).await;
    assert_eq!(report.reason, "step test: bad failed");
    assert_eq!(report.steps.len(), 2);
    assert_eq!(
        told(&report.tests),
        ["bad  failed", "bad TestX failed", "a  ok"]
    );
    assert!(!report.tests_complete, "c did not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_takes_too_long_fails_and_the_next_one_runs() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    let script = r#"case "$FARM_TESTS" in slow) sleep 1000;; *) true;; esac"#;
    tests(&mut job, script, "exit", &[&["slow"], &["fast"]]);
    last(&mut job).command.timeout_seconds = 1;
    let report = b.run(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step test: slow failed")
    );
    assert_eq!(told(&report.tests), ["slow  failed", "fast  ok"]);
    assert!(
        report.tests[0].output.contains("timed out after 1s"),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_read_from_files_and_none_twice() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    let script = r#"mkdir -p reports; for u in "$@"; do
echo "<testsuite><testcase classname='$u' name='works' time='0.5'/></testsuite>" > reports/TEST-$u.xml; done
echo "<testsuite><testcase classname='no' name='report'/></testsuite>" | tee reports/other.txt"#;
    tests(&mut job, script, "junit", &[&["a", "b"], &["c"]]);
    last(&mut job).report = Some("reports/TEST-*.xml".to_owned());
    let report = b.run(&job).await;
    assert_eq!((report.outcome, report.reason.as_str()), (Outcome::Ok, ""));
    let all = whole(&b, &report).await;
    assert_eq!(
        told(&all),
        [
            "a works ok",
            "b works ok",
            "a  ok",
            "b  ok",
            "c works ok",
            "c  ok"
        ]
    );
    assert_eq!(all[0].milliseconds, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cargo_said_is_read_as_it_comes() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    let sample = include_str!("../../../../crates/testlog/tests/data/cargo-test.txt");
    let write =
        serde_json::json!({ "do": "write", "path": "src/said.txt", "text": sample, "mode": 0o644 });
    job.steps.push(serde_json::from_value(write).unwrap());
    tests(&mut job, "cat said.txt; exit 101", "libtest", &[&[]]);
    let report = b.run(&job).await;
    assert_eq!(report.reason, "step test: one, whole failed");
    let wanted = [
        "one  failed",
        "whole  failed",
        "one tests::fails failed",
        "whole also_fails failed",
    ];
    assert_eq!(told(report.tests.iter().take(4)), wanted.map(str::to_owned));
    assert_eq!(whole(&b, &report).await.len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_the_attempts_limit_cuts_off_are_missed() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    let script = r#"case "$FARM_TESTS" in slow) sleep 1000;; *) false;; esac"#;
    tests(&mut job, script, "exit", &[&["bad"], &["slow"], &["never"]]);
    job.timeout_seconds = 3;
    let report = b.run(&job).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(told(&report.tests), ["bad  failed"]);
    assert!(!report.tests_complete, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_goes_during_tests_loses_them_and_fails_none() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    tests(
        &mut job,
        "echo waiting; sleep 1000",
        "exit",
        &[&["a"], &["b"]],
    );
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    machine.cut();
    let report = b.report(&job).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(report.tests.is_empty(), "{report:?}");
}

/// A module with a package that fails, one that passes, and one that does not compile.
const MODULE: [(&str, &str); 5] = [
    ("go.mod", "module example.org/m\n\ngo 1.20\n"),
    (
        "good/good_test.go",
        "package good\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {}\n",
    ),
    (
        "bad/bad_test.go",
        "package bad\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Fatal(\"as it should\") }\n",
    ),
    ("broken/broken.go", "package broken\n\nvar X int = \"no\"\n"),
    (
        "broken/broken_test.go",
        "package broken\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_go_module_is_tested_with_json() {
    if Command::new("go").arg("version").output().is_err() {
        // Not printed: of a test that passes nobody would see it.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: a_go_module_is_tested_with_json: there is no go"
        );
        return;
    }
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    for (path, text) in MODULE {
        let path = format!("src/{path}");
        let write = serde_json::json!({ "do": "write", "path": path, "text": text, "mode": 0o644 });
        job.steps.push(serde_json::from_value(write).unwrap());
    }
    let (good, bad, broken) = (
        "example.org/m/good",
        "example.org/m/bad",
        "example.org/m/broken",
    );
    tests(
        &mut job,
        r#"go test -json "$@""#,
        "go-json",
        &[&[good, bad, broken]],
    );
    job.timeout_seconds = 300;
    last(&mut job).command.timeout_seconds = 300;
    b.offer(&job).await;
    // Go compiles its own packages first where nobody has yet.
    let report = b.report_within(10 * PATIENCE, &job).await;
    let log = b.log(&job).await;
    assert_eq!(report.outcome, Outcome::Failed, "{log}");
    let mut all = told(&whole(&b, &report).await);
    all.sort();
    let wanted = [
        "example.org/m/bad  failed",
        "example.org/m/bad TestBad failed",
        "example.org/m/broken  failed",
        "example.org/m/good  ok",
        "example.org/m/good TestGood ok",
    ];
    assert_eq!(all, wanted, "{log}");
    let mut bad = report.tests.iter().filter(|test| test.name == "TestBad");
    assert!(bad.next().unwrap().output.contains("as it should"));
}
