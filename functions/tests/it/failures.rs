//! The pages of a commit and of failures, the feed, and badges.

use farm_model::record::{Against, BuildKind};
use farm_model::view::{
    Breakage, BreakagesView, BuildLine, CommitView, Failure, Mended, Status, key,
};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::harness::Function;
use crate::sample::{HOSTILE, at, attempt, commit, dashboard, grid, key_of};

fn failure() -> Failure {
    Failure {
        reason: "--- FAIL: TestDial123 <1.5s>".to_owned(),
        attempt: Some(attempt()),
        log: None,
        by_chance: false,
    }
}

fn line(builder: &str, status: Status) -> BuildLine {
    let key = key_of(builder, &commit('a', HOSTILE));
    BuildLine {
        build: key.id(),
        builder: key.builder,
        branch: key.branch,
        kind: BuildKind::PostSubmit,
        against: None,
        run: 1,
        status,
        opened: at("09:30:00"),
        began: Some(at("09:31:00")),
        finished: (status != Status::Running).then(|| at("09:32:10")),
        failure: (status == Status::Failed).then(failure),
    }
}

fn breakage(mended: bool) -> Breakage {
    let (bad, good) = (commit('a', HOSTILE), commit('b', "plain"));
    Breakage {
        builder: "pi".parse().unwrap(),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        build: key_of("pi", &bad).id(),
        commit: bad.id,
        subject: format!("{HOSTILE}\u{1}\u{fffe}"),
        author: "Ann <ann@example.com>".to_owned(),
        green: good.id,
        run: if mended { 1 } else { 2 },
        failure: failure(),
        at: at("10:00:00"),
        mended: mended.then(|| Mended {
            commit: commit('c', "").id,
            at: at("11:00:00"),
        }),
    }
}

async fn broken() -> Function {
    let function = dashboard().await;
    let demo = "demo".parse().unwrap();
    let mut grid = grid();
    grid.rows[0].cells[1].as_mut().unwrap().failure = Some(failure());
    let mut other = grid.rows[0].cells[1].clone().unwrap();
    other.failure.as_mut().unwrap().reason = "--- FAIL: TestDial7 <31s>".to_owned();
    grid.rows[1].cells[0] = Some(other);
    function.put_view(&key::grid(&demo, "main"), &grid).await;
    let view = BreakagesView {
        made: at("11:00:00"),
        repo: demo.clone(),
        branch: "main".to_owned(),
        breakages: vec![breakage(true), breakage(false)],
    };
    function
        .put_view(&key::breakages(&demo, "main"), &view)
        .await;
    function
}

fn has(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn a_commits_page_has_all_its_builds_with_failures_first() {
    let function = dashboard().await;
    let id = commit('a', "").id;
    let against = Against {
        repo: "go".parse().unwrap(),
        commit: commit('d', "").id,
        branch: "release".to_owned(),
    };
    let tried = BuildLine {
        kind: BuildKind::Try {
            set: "7".to_owned(),
        },
        ..line("zz", Status::Lost)
    };
    let sub = BuildLine {
        against: Some(against),
        ..line("yy", Status::Ok)
    };
    let view = CommitView {
        made: at("10:00:00"),
        repo: "demo".parse().unwrap(),
        commit: commit('a', HOSTILE),
        places: vec![("main".to_owned(), 1233)],
        builds: vec![
            tried,
            line("aa", Status::Running),
            line("bb", Status::Failed),
            line("cc", Status::Ok),
            sub,
        ],
    };
    function
        .put_view(&key::commit(&view.repo, &id), &view)
        .await;
    let answer = function.get(&format!("/commits/{id}?repo=demo")).await;
    let page = answer.of(200);
    has(
        page,
        &[
            "2 ok, 1 failed, 1 running, 1 lost",
            "href=\"/?repo=demo&#38;branch=main&#38;sheet=41\">main</a> <span class=\"muted\">number 1,234",
            "main against go at dddddddd (release)",
            "try set 7 on main",
            "TestDial123 &#60;1.5s&#62;",
            "<td>1 min 10 s</td>",
            "&#60;script&#62;",
        ],
    );
    let place = |text: &str| page.find(&format!("\">{text}</a>")).unwrap();
    assert!(place("bb") < place("aa"), "what failed is first");
    assert!(
        place("aa") < place("zz"),
        "what was pushed comes before what was tried"
    );
    let json = function.get(&format!("/api/commits/{id}")).await;
    assert_eq!(
        serde_json::from_slice::<CommitView>(&json.body).unwrap(),
        view
    );
    for path in [
        "/commits/x",
        "/commits/0123456789012345678901234567890123456789",
        "/api/commits/x",
    ] {
        function.get(path).await.of(404);
    }
}

#[tokio::test]
async fn failures_are_told_by_breakage_and_by_reason() {
    let function = broken().await;
    let answer = function.get("/failures?repo=demo&branch=main").await;
    has(
        answer.of(200),
        &[
            "Broken <span class=\"count\">1</span>",
            "Mended lately <span class=\"count\">1</span>",
            "by reason <span class=\"count\">1</span>",
            "</i> 2 failed",
            "green again at",
            "href=\"/breakages.atom?repo=demo&#38;branch=main\"",
            "aria-current=\"page\">Failures</a>",
        ],
    );
    let json = function.get("/api/failures").await;
    let json: Value = serde_json::from_str(json.of(200)).unwrap();
    assert_eq!(json["reasons"][0]["pattern"], "--- FAIL: TestDial# <#s>");
    assert_eq!(json["reasons"][0]["builds"].as_array().unwrap().len(), 2);
    assert_eq!(json["breakages"][0]["mended"]["at"], "2019-04-25T11:00:00Z");
    function.get("/failures?repo=x").await.of(404);
    function
        .get("/api/failures?repo=golang/tools")
        .await
        .of(404);
}

/// The texts of all elements of a name, and how deep a document goes: fails where it is not well formed.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut texts, mut path) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let element = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                if element == name {
                    texts.push(String::new());
                }
                path.push(element);
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) if path.last().is_some_and(|last| last == name) => {
                *texts.last_mut().unwrap() += &text.decode().unwrap();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(path.is_empty());
    texts
}

#[tokio::test]
async fn breakages_are_a_feed() {
    let function = broken().await;
    let answer = function.get("/breakages.atom?repo=demo&branch=main").await;
    let feed = answer.of(200);
    assert_eq!(answer.header("content-type"), "application/atom+xml");
    let ids = texts(feed, "id");
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((ids.len(), unique.len()), (4, 4), "{feed}");
    assert!(ids.iter().all(|id| id.starts_with("urn:uuid:")));
    let updated = texts(feed, "updated");
    assert_eq!(updated[0], "2019-04-25T11:00:00Z", "as the newest entry");
    assert_eq!(
        updated[1..],
        [
            "2019-04-25T11:00:00Z",
            "2019-04-25T10:00:00Z",
            "2019-04-25T10:00:00Z"
        ]
    );
    assert_eq!(texts(feed, "name"), ["Ann", "Ann", "Ann"]);
    assert_eq!(texts(feed, "title").len(), 4);
    has(
        feed,
        &[
            "rel=\"self\"",
            "href=\"http://localhost/breakages.atom?repo=demo&#38;branch=main\"",
            "&#60;script&#62;",
        ],
    );
    assert!(
        !feed.contains(['\u{1}', '\u{fffe}']),
        "XML cannot say these"
    );
    let again = function.get("/breakages.atom").await;
    assert_eq!(again.text(), feed);
    let empty = dashboard().await.get("/breakages.atom").await;
    assert_eq!(texts(empty.of(200), "entry").len(), 0);
}

#[tokio::test]
async fn a_badge_says_how_a_builder_stands() {
    let function = broken().await;
    let badge = async |path: &str| function.get(path).await;
    let failing = badge("/badge/pi.svg?repo=demo&branch=main").await;
    has(
        failing.of(200),
        &[
            "role=\"img\"",
            "<title>pi: failing</title>",
            "aria-label=\"pi: failing\"",
        ],
    );
    assert_eq!(failing.header("content-type"), "image/svg+xml");
    assert_eq!(failing.header("cache-control"), "public, max-age=60");
    assert_eq!(texts(failing.text(), "title"), ["pi: failing"]);
    for path in [
        "/badge/x.svg",
        "/badge/pi",
        "/badge/pi.svg?repo=golang/tools",
    ] {
        badge(path).await.of(404);
    }
}
