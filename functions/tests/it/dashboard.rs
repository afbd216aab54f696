//! Pages and JSON, rendered from views.

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use farm_forge::token;
use farm_model::message::progress::LogSummary;
use farm_model::view::{FarmView, GridView, key};

use crate::harness::{Function, TOKEN_KEY};
use crate::sample::{at, build, dashboard, dashboard_with, failed, farm, flakes, grid, running};

#[tokio::test(flavor = "multi_thread")]
async fn flaky_tests_have_a_page_with_their_rates() {
    let nothing = Function::start("dashboard", None).get("/flakes").await;
    assert!(nothing.of(404).contains("There is nothing yet"));
    let function = Function::start("dashboard", None);
    function.put_view(key::FLAKES, &flakes()).await;
    let answer = function.get("/flakes").await;
    let page = answer.of(200);
    for text in [
        "3 of 40 runs (8 %)",
        "Test&#60;Dial&#62;",
        "and 4 more",
        "/1/tests-2/1\"",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let json = function.get("/api/flakes").await;
    assert!(json.of(200).contains(r#""flaked":3"#));
}

#[tokio::test]
async fn where_no_test_has_failed_yet_that_is_what_is_said() {
    let function = Function::start("dashboard", None);
    function.put_view(key::FARM, &farm()).await;
    let flakes = function.get("/flakes").await;
    assert!(flakes.of(200).contains("<p>None is known.</p>"));
    let flakes = function.get("/api/flakes").await;
    assert!(flakes.of(200).ends_with(r#""flakes":[],"count":0}"#));
    let tests = function.get("/tests?repo=demo&branch=main").await;
    assert!(
        tests
            .of(200)
            .contains("<p>No test is known to have failed.</p>")
    );
    let tests = function.get("/api/tests?repo=demo&branch=main").await;
    assert!(tests.of(200).contains(r#""branch":"main","commits":[]"#));
    let test = function.get("/test?repo=demo&branch=main&unit=net").await;
    assert!(test.of(200).contains("Nowhere: it passed, or did not run."));
    let other = function.get("/tests?repo=demo&branch=never").await;
    assert!(other.of(404).contains("never"));
}

#[tokio::test]
async fn the_front_page_shows_grid_open_builds_machines_and_troubles() {
    let function = dashboard().await;
    let answer = function.get("/").await;
    let page = answer.of(200);
    for text in [
        "<title>demo · main · Sample farm</title>",
        "2019-04-25T10:00:01Z",
        "title=\"linux-test: queued\"",
        "title=\"pi: failed, run 2: step test: exit status &#60;1&#62;\"",
        "title=\"pi: ok\"",
        "Newest commit: 1 failed, 1 queued",
        "Nothing has been written for over a minute while builds are open",
        "no machine of host type &#60;pi&#62; is connected",
        "line 3: &#60;what&#62; is this?",
        "1 of 3 busy",
        "href=\"/?repo=demo&#38;branch=release/1%20%26%202\"",
        "href=\"/?repo=golang/tools\"",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn what_strangers_write_stays_text() {
    let function = dashboard_with(&build(failed(LogSummary::default()))).await;
    let id = build(running()).build.id;
    for path in ["/", &format!("/build/{id}")] {
        let answer = function.get(path).await;
        let page = answer.of(200);
        assert!(
            page.contains("&#60;script&#62;alert(&#34;x&#34;)"),
            "{page}"
        );
        assert!(page.contains("Ann &#60;b&#62;Example"));
        assert!(!page.contains("<script>alert") && !page.contains("<b>Example"));
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        // The policy lets only what it names run, and no page brings more.
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!page.contains(" style=") && !page.contains(" onclick"));
    }
}

#[tokio::test]
async fn a_farm_that_has_just_started_says_so() {
    let function = Function::start("dashboard", None);
    let answer = function.get("/").await;
    assert!(answer.of(200).contains("Nothing yet"));
    let answer = function.get("/api/farm").await;
    assert!(answer.of(404).contains("There is nothing yet: "));
    // It is not there yet, but it is known to be wanted.
    let empty = FarmView {
        repositories: Vec::new(),
        ..farm()
    };
    function.put_view(key::FARM, &empty).await;
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while !function.get("/").await.of(200).contains("No commits yet") {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn branches_have_pages_of_their_own() {
    let function = dashboard().await;
    let page = function.get("/?repo=demo&branch=release/1%20%26%202").await;
    assert!(page.of(200).contains("Nothing is known of this branch yet"));
    let page = function.get("/?repo=golang/tools").await;
    assert!(page.of(200).contains("No commits yet"));
    let page = function.get("/?repo=nowhere").await;
    assert!(
        page.of(404)
            .contains("This farm has no repository &#34;nowhere&#34;.")
    );
    let page = function.get("/?repo=demo&branch=%3Cx%3E").await;
    assert!(
        page.of(404)
            .contains("has no branch &#34;&#60;x&#62;&#34;.")
    );
}

#[tokio::test]
async fn a_builds_page_tells_its_runs_steps_and_log() {
    let view = build(failed(LogSummary {
        bytes: 12,
        dropped: 2048,
        whole: None,
        hash: None,
    }));
    let function = dashboard_with(&view).await;
    let log = Bytes::from_static(b"\x1b[31mred\x1b[0m <i>\n");
    let attempt = crate::sample::attempt();
    function
        .bucket
        .put_log_chunk(&attempt, 0, log)
        .await
        .unwrap();
    let answer = function.get(&format!("/build/{}", view.build.id)).await;
    let page = answer.of(200);
    for text in [
        "<title>pi · aaaaaaaa · Sample farm</title>",
        "step test: exit status &#60;1&#62;",
        "<td class=\"took\">1.5 s</td>",
        "<td class=\"took\">1 min 5 s</td>",
        "><span class=\"f200\">red</span> &#60;i&#62;\n</pre>",
        "2.0 KiB over the limit were dropped",
        "data-grows=\"false\"",
        "href=\"/?repo=demo&#38;branch=main\"",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn what_is_not_there_has_a_page_that_leads_back() {
    let function = dashboard().await;
    let unknown = "0".repeat(32);
    for path in [
        "/nowhere",
        "/build/../etc",
        "/build/x",
        &format!("/build/{unknown}"),
        &format!("/log/{unknown}/1/steps/1"),
        "/log/x/1/steps/1",
    ] {
        let answer = function.get(path).await;
        assert!(answer.of(404).contains("To the front page"), "{path}");
    }
}

#[tokio::test]
async fn while_the_bucket_cannot_be_read_pages_say_so() {
    let function = dashboard().await;
    let nonsense = Bytes::from_static(b"{");
    function
        .bucket
        .put_view(key::FARM, nonsense, None)
        .await
        .unwrap();
    let answer = function.get("/").await;
    assert!(answer.of(503).contains("cannot be read right now"));
    assert_eq!(answer.header("retry-after"), "5");
    let answer = function.get("/api/farm").await;
    assert!(
        answer
            .of(503)
            .contains("cannot be read right now; builds are not affected")
    );
}

#[tokio::test]
async fn programs_get_the_views_as_they_are() {
    let view = build(running());
    let function = dashboard_with(&view).await;
    let answer = function.get("/api/farm").await;
    answer.of(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        serde_json::from_slice::<FarmView>(&answer.body).unwrap(),
        farm()
    );
    for path in [
        "/api/grid",
        "/api/grid?repo=demo",
        "/api/grid?repo=demo&branch=main",
    ] {
        let answer = function.get(path).await;
        answer.of(200);
        assert_eq!(
            serde_json::from_slice::<GridView>(&answer.body).unwrap(),
            grid()
        );
    }
    let answer = function.get(&format!("/api/build/{}", view.build.id)).await;
    assert_eq!(answer.body, serde_json::to_vec(&view).unwrap());
    function.get("/api/build/x").await.of(404);
    function.get("/api/grid?repo=x").await.of(404);
}

#[tokio::test]
async fn who_knows_a_version_is_not_told_it_again() {
    let function = dashboard().await;
    for path in ["/", "/api/farm", "/api/grid"] {
        let tag = function.get(path).await.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        let again = Request::get(path).header("if-none-match", &tag);
        let answer = function.ask(again.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.of(304), "");
        let other = Request::get(path).header("if-none-match", "W/\"x\"");
        function
            .ask(other.body(Body::empty()).unwrap())
            .await
            .of_any(200);
    }
}

#[tokio::test]
async fn pages_travel_compressed() {
    let function = dashboard_with(&build(running())).await;
    let id = build(running()).build.id;
    for path in ["/", &format!("/build/{id}"), "/api/farm"] {
        let request = Request::get(path).header("accept-encoding", "gzip, br");
        let answer = function.ask(request.body(Body::empty()).unwrap()).await;
        answer.of_any(200);
        assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        assert_eq!(
            answer.header("vary"),
            "accept, accept-encoding, cookie",
            "{path}"
        );
        assert_eq!(answer.body[..2], [0x1f, 0x8b], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_asked_for_is_shown_to_those_who_may_ask() {
    let function = Function::start("dashboard", None);
    let view = serde_json::json!({ "made": at("10:00:00"), "asked": [] });
    function.put_view(key::AUDIT, &view).await;
    let ask = |token: &str| {
        let request = Request::get("/api/audit").header("authorization", format!("Bearer {token}"));
        function.ask(request.body(Body::empty()).unwrap())
    };
    let stranger = function.get("/api/audit").await;
    assert!(stranger.of(401).contains("say who you are"));
    let later = "2099-01-01T00:00:00Z".parse().unwrap();
    let token = |key: &str| token::mint(key.as_bytes(), "gopher", later).unwrap();
    ask(&token("another")).await.of_any(401);
    assert!(
        ask(&token(TOKEN_KEY))
            .await
            .of(200)
            .contains(r#""asked":[]"#)
    );
    let closed = Function::start_with("dashboard", None, |vars| vars.with("FARM_TOKEN_KEY", ""));
    assert!(
        closed
            .get("/api/audit")
            .await
            .of(403)
            .contains("FARM_TOKEN_KEY")
    );
}
