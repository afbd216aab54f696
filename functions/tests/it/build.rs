//! The page of a build with many jobs, tests, a budget, and neighbours.

use axum::body::Body;
use axum::http::Request;
use farm_forge::token;
use farm_model::message::progress::{AttemptReport, Outcome, TestOutcome, TestResult};
use farm_model::record::{Attempt, AttemptState, Job, JobState, Part, Verdict};
use farm_model::view::{Budget, BuildView, Span, Spent, Status};

use crate::harness::{Function, TOKEN_KEY};
use crate::sample::{at, build, dashboard_with, failed, running};

fn test(unit: &str, name: &str, outcome: TestOutcome, output: &str) -> TestResult {
    TestResult {
        unit: unit.to_owned(),
        name: name.to_owned(),
        outcome,
        milliseconds: 0,
        output: output.to_owned(),
    }
}

fn job(name: &str, needs: &[&str], part: Part, report: Option<AttemptReport>) -> Job {
    let outcome = report.as_ref().map(|report| report.outcome);
    let attempt = Attempt {
        number: 1,
        hub: "h1".parse().unwrap(),
        machine: "h1/m1".parse().unwrap(),
        leased: at("10:00:01"),
        start_by: at("10:05:00"),
        state: match report {
            Some(report) => AttemptState::Finished {
                at: at("10:00:31"),
                report,
            },
            None => running(),
        },
        last_seq: 1,
        continues: None,
        mentioned: None,
    };
    Job {
        name: name.parse().unwrap(),
        needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
        part,
        state: outcome.map_or(JobState::Leased, |outcome| JobState::Done { outcome }),
        attempts: vec![attempt],
    }
}

fn report(outcome: Outcome, tests: Vec<TestResult>) -> Option<AttemptReport> {
    Some(AttemptReport {
        tests,
        tests_complete: true,
        ..AttemptReport::bare(outcome, String::new())
    })
}

/// Make, three shards of which one failed and one failed by chance, and the two tried again.
fn sharded() -> BuildView {
    let mut view = build(failed(Default::default()));
    let shard = |units: &[&str]| Part::Tests {
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
    };
    let again = |unit: &str| Part::Again {
        units: vec![unit.to_owned()],
    };
    let net = vec![
        test(
            "net",
            "TestDial<>",
            TestOutcome::Failed,
            "\u{1b}[31mwant\u{1b}[0m <b>\n",
        ),
        test("net", "", TestOutcome::Failed, ""),
        test("fmt", "", TestOutcome::Ok, ""),
    ];
    let os = vec![test("os", "TestPipe", TestOutcome::Failed, "timed out")];
    view.runs[0].jobs = vec![
        job("make", &[], Part::Setup, report(Outcome::Ok, Vec::new())),
        job(
            "tests-1",
            &["make"],
            shard(&["net", "fmt"]),
            report(Outcome::Failed, net.clone()),
        ),
        job(
            "tests-2",
            &["make"],
            shard(&["os"]),
            report(Outcome::Failed, os),
        ),
        job("tests-3", &["make"], shard(&["io"]), None),
        job(
            "tests-1.again",
            &["tests-1"],
            again("net"),
            report(Outcome::Failed, net),
        ),
        job(
            "tests-2.again",
            &["tests-2"],
            again("os"),
            report(Outcome::Ok, Vec::new()),
        ),
    ];
    view.usual = [
        ("make".parse().unwrap(), 10.0),
        ("tests-1".parse().unwrap(), 30.0),
    ]
    .into();
    view
}

async fn page(view: &BuildView) -> String {
    let function = dashboard_with(view).await;
    let answer = function.get(&format!("/build/{}", view.build.id)).await;
    answer.of(200).to_owned()
}

fn has(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn shards_are_one_node_of_the_graph_and_lines_of_a_table() {
    let page = page(&sharded()).await;
    has(
        &page,
        &[
            "<b>make</b> <span>ok</span>",
            "href=\"#jobs-tests\"><i aria-hidden=\"true\">✗</i> <b>tests</b> <span>failed: 2 of 3 are over, 2 failed</span><span class=\"unseen\"> after make</span>",
            "<b>tests.again</b>",
            "id=\"jobs-tests\" open",
            "3.0× usual, 10 s",
            "as usual",
            "/1/tests-2/1\">log<span class=\"unseen\"> of tests-2</span></a>",
        ],
    );
    assert_eq!(page.matches("class=\"node ").count(), 3);
}

#[tokio::test]
async fn tests_that_failed_come_first_with_what_they_said() {
    let page = page(&sharded()).await;
    has(
        &page,
        &[
            "1 failed, 1 by chance: passed when run alone, 1 unit passed",
            "<b>net</b> TestDial&#60;&#62;",
            "<span class=\"f200\">want</span> &#60;b&#62;\n</pre>",
            "unit=net&#38;name=TestDial%3C%3E\"",
            "by chance</b> <b>os</b> TestPipe",
        ],
    );
    let place = |text: &str| page.find(text).unwrap();
    assert!(
        place("TestDial") < place("TestPipe"),
        "what failed by chance comes last"
    );
    assert_eq!(page.matches("<b>net</b> TestDial").count(), 1, "told once");
    assert!(!page.contains("There may be more"));
}

#[tokio::test]
async fn a_late_build_shows_on_what_its_time_was_spent() {
    let mut view = build(running());
    let spent = [(Span::Queue, 90.0), (Span::Work, 30.0)];
    view.budget = Some(Budget {
        class: "tip".to_owned(),
        objective_seconds: Some(60.0),
        spent: spent
            .map(|(span, seconds)| Spent { span, seconds })
            .to_vec(),
        late: Some(Span::Queue),
    });
    has(
        &page(&view).await,
        &[
            "2 min 0 s: 1 min 0 s more than the 1 min 0 s",
            "late</b> most of all by waiting for a machine",
            "<rect class=\"span-queue\" x=\"0\" width=\"750\"",
            "<rect class=\"span-work\" x=\"750\" width=\"250\"",
            "<rect class=\"objective\" x=\"500\"",
            "75 %",
        ],
    );
}

#[tokio::test]
async fn a_builds_page_leads_to_the_same_builder_on_other_commits() {
    let page = page(&build(running())).await;
    has(
        &page,
        &[
            "rel=\"prev\" href=\"/build/",
            "older commit",
            "href=\"/builder/pi\"",
            "href=\"/commits/aaaa",
        ],
    );
    assert!(!page.contains("newer commit"));
}

async fn seen_by(function: &Function, view: &BuildView, subject: Option<&str>) -> String {
    let mut request = Request::get(format!("/build/{}", view.build.id)).header("host", "farm.test");
    if let Some(subject) = subject {
        let later = "2099-01-01T00:00:00Z".parse().unwrap();
        let token = token::mint(TOKEN_KEY.as_bytes(), subject, later).unwrap();
        request = request.header("cookie", format!("farm-session={token}"));
    }
    let answer = function.ask(request.body(Body::empty()).unwrap()).await;
    answer.of(200).to_owned()
}

#[tokio::test]
async fn who_is_signed_in_may_ask_for_a_run_and_others_are_led_there() {
    let view = build(failed(Default::default()));
    let function = dashboard_with(&view).await;
    let stranger = seen_by(&function, &view, None).await;
    let back = format!(
        "href=\"/sign-in?back=/build/{}\">Sign in to re-run",
        view.build.id
    );
    assert!(stranger.contains(&back) && !stranger.contains("action=\"/retry\""));
    let known = seen_by(&function, &view, Some("gopher<>")).await;
    has(
        &known,
        &[
            "<form method=\"post\" action=\"/retry\">",
            "name=\"do\" value=\"retry\"",
            "name=\"csrf\" value=\"csrf1.",
            "Run again</button>",
            "as gopher&#60;&#62;",
        ],
    );
    let open = dashboard_with(&build(running())).await;
    let known = seen_by(&open, &view, Some("gopher")).await;
    has(&known, &["name=\"do\" value=\"cancel\"", "Cancel</button>"]);
}

#[tokio::test]
async fn a_run_that_is_not_the_newest_is_told_of_below() {
    let mut view = sharded();
    let mut older = view.runs[0].clone();
    older.verdict = Some(Verdict {
        outcome: Outcome::Lost,
        reason: "machine went away".to_owned(),
        at: at("10:00:30"),
        superseded: false,
    });
    view.runs[0].number = 2;
    view.build.run = 2;
    view.status = Status::Running;
    view.runs.insert(0, older);
    let page = page(&view).await;
    has(
        &page,
        &[
            "aria-label=\"Run 2\"",
            "aria-label=\"Run 1\"",
            "machine went away",
        ],
    );
    assert_eq!(
        page.matches("id=\"jobs-tests\"").count(),
        1,
        "an id is there once"
    );
}
