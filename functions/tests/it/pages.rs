//! What holds for every page.

use std::collections::BTreeMap;

use crate::harness::Function;
use crate::markup::faults;
use crate::sample::{build, dashboard, full, running};

/// A test, and a try set, with names that would break an address.
const TEST: &str = "/test?unit=go_test%3Anet&name=Test%3CDial%3E%2Fa%26b%3Dc%23d";
const SET: &str = "/try/gerrit%2Fdemo~1234%3F%23%26%3C2%3E";

/// Pages, each with a document behind it.
pub fn pages() -> Vec<String> {
    let build = build(running()).build.id;
    let commit = "a".repeat(40);
    [
        "/",
        "/about",
        &format!("/build/{build}"),
        "/builder/pi",
        "/builders",
        &format!("/commits/{commit}"),
        "/failures",
        "/flakes",
        "/machines",
        "/queue",
        "/queue/bench",
        TEST,
        "/tests",
        "/tests?repo=demo&branch=main",
        SET,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn title(page: &str) -> &str {
    let (_, rest) = page.split_once("<title>").unwrap();
    rest.split_once("</title>").unwrap().0
}

#[tokio::test]
async fn every_page_is_well_formed_titled_and_holds_no_strangers_markup() {
    let function = full().await;
    let mut titles = BTreeMap::<String, Vec<String>>::new();
    for path in pages() {
        let answer = function.get(&path).await;
        let page = answer.of(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(faults(page), [""; 0], "{path}: {page}");
        for raw in [
            "<script>alert",
            "<b>Example",
            "<kernel>",
            "<Dial>",
            "<1>",
            "<3>",
        ] {
            assert!(!page.contains(raw), "{raw} in {path}");
        }
        assert_eq!(page.matches("<script").count(), 1, "{path}");
        titles
            .entry(title(page).to_owned())
            .or_default()
            .push(path.split('?').next().unwrap().to_owned());
    }
    for (title, mut paths) in titles {
        assert!(title.ends_with(" \u{b7} Sample farm"), "{title}");
        paths.dedup();
        assert_eq!(paths.len(), 1, "{title}: {paths:?}");
    }
}

#[tokio::test]
async fn without_their_documents_pages_say_so() {
    // As an older coordinator leaves it: the front page's documents alone; and before there is anything at all.
    for function in [dashboard().await, Function::start("dashboard", None)] {
        for path in pages() {
            let answer = function.get(&path).await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 200 | 404), "{path}: {status}");
            assert_eq!(faults(answer.text()), [""; 0], "{path}");
        }
    }
}

async fn shows(path: &str, texts: &[&str]) {
    let function = full().await;
    let answer = function.get(path).await;
    let page = answer.of(200);
    for text in texts {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn builders_are_listed_with_their_heads_and_pauses() {
    let texts = [
        "<a href=\"/builder/pi\">pi</a>",
        "title=\"demo \u{b7} main: step test: exit status &#60;1&#62;\"",
        "2 min 50 s",
        "<a href=\"/queue/bench\">bench</a>",
        "paused</b> <span class=\"muted\">by user:gopher",
        "new &#60;kernel&#62;",
    ];
    shows("/builders", &texts).await;
}

#[tokio::test]
async fn a_builder_has_its_history_trends_and_flakes() {
    let texts = [
        "paused</b> by user:gopher",
        "The last 3 runs took from 3 min 0 s to 3 min 0 s",
        "The last 3 runs waited from 20 s to 20 s",
        "<polyline points=\"0.0,8.0 300.0,8.0 600.0,8.0\"/>",
        "<text class=\"failed\" x=\"600.0\" y=\"8.0\">\u{2717}</text>",
        "<th scope=\"row\">2019-04-25</th><td class=\"number\">1</td><td class=\"number\">1</td><td class=\"number\">0 (0 % of all)</td><td class=\"number\">1</td>",
        "3 of 40 runs (8 %)",
        "/1/steps/1\">log</a>",
    ];
    shows("/builder/pi", &texts).await;
}

#[tokio::test]
async fn machines_say_what_they_do_and_why_not() {
    let texts = [
        "3 connected, 1 away",
        "1 aside, 1 busy, 1 idle",
        "steps of a build</a>",
        "lost &#60;3&#62; attempts in a row",
        "until <time datetime=\"2019-04-25T10:30:00Z\">",
        "attic-pi",
        "drains</b></td><td class=\"number\">3</td>",
        "linux-rn0a</th><td><b class=\"badge queued\"><i aria-hidden=\"true\">…</i> being made",
        "there is none now: ZONE_RESOURCE_POOL_EXHAUSTED in &#60;all&#62; zones <span class=\"muted\">again at",
        "<td>vms, us-central1-a</td>",
        "it has had no work",
    ];
    shows("/machines", &texts).await;
}

#[tokio::test]
async fn a_queue_says_when_jobs_begin_and_why_they_wait() {
    shows("/queue", &["<a href=\"/queue/bench\">bench</a>", "2 of 4"]).await;
    let texts = [
        "2 tip, 1 try",
        "2 busy, 0 idle, 1 held, 1 not in use",
        "<time datetime=\"2019-04-25T10:06:00Z\">25 Apr 10:06:00 UTC</time>",
        "no machine of host type &#60;pi&#62; is connected",
        "2 min 50 s",
    ];
    shows("/queue/bench", &texts).await;
}

#[tokio::test]
async fn tests_are_seen_over_commits_and_each_by_itself() {
    let texts = [
        "go_test:net Test&#60;Dial&#62;/a&#38;b=c#d</a>",
        "<i class=\"failed\">\u{2717}</i><i class=\"queued\">\u{b7}</i><i class=\"failed\">\u{2717}</i>",
        "failed on 2 of 3 commits; linux-test, pi",
        "href=\"/test?repo=demo&#38;branch=main&#38;unit=go_test%3Anet&#38;name=Test%3CDial%3E%2Fa%26b%3Dc%23d\"",
    ];
    shows("/tests", &texts).await;
    let texts = [
        "<th scope=\"col\"><a href=\"/builder/linux-test\">linux-test</a></th>",
        "flaked</a>",
        "3 of 40 runs (8 %)",
        "net_test.go:12: got &#60;script&#62;",
        "/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?repo=demo",
    ];
    shows(TEST, &texts).await;
    let function = full().await;
    let answer = function.get("/test?unit=never").await;
    assert!(
        answer
            .of(200)
            .contains("Nowhere: it passed, or did not run.")
    );
    let answer = function.get("/test").await;
    assert!(answer.of(400).contains("Say which test"));
}

#[tokio::test]
async fn a_try_set_says_how_far_it_is() {
    let texts = [
        "gerrit/demo~1234?#&#38;&#60;2&#62;",
        "2 of 3 builds are over, 1 failed",
        "step test: exit status &#60;1&#62;",
        "/1/steps/1\">log</a>",
    ];
    shows(SET, &texts).await;
}

#[tokio::test]
async fn about_tells_whether_deliveries_add_up() {
    let texts = [
        "12 accepted = 9 effective + 2 repeated + 1 refused",
        "adds up",
        "<code>status.json</code>",
        "href=\"/openapi.json\"",
        "leading",
    ];
    shows("/about", &texts).await;
}
