//! Machine forms of pages.

use axum::body::Body;
use axum::http::Request;
use farm_model::view::{BuilderView, GridView, Problem, SetView, TestAnswer, key};
use serde_json::Value;

use crate::harness::{Answer, Function};
use crate::pages::pages;
use crate::sample::{builder, dashboard, full, set, sheet, tests};

async fn accepting(function: &Function, path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header("accept", accept);
    function.ask(request.body(Body::empty()).unwrap()).await
}

fn json(answer: &Answer) -> Value {
    let text = answer.of(200);
    assert_eq!(answer.header("content-type"), "application/json", "{text}");
    serde_json::from_str(text).unwrap()
}

fn named(path: &str) -> String {
    match path.split_once('?') {
        _ if path == "/" => "/grid.json".to_owned(),
        Some((path, query)) => format!("{path}.json?{query}"),
        None => format!("{path}.json"),
    }
}

#[tokio::test]
async fn every_page_has_the_same_for_programs_by_name_and_by_preference() {
    let function = full().await;
    for path in pages() {
        let by_name = function.get(&named(&path)).await;
        let value = json(&by_name);
        let by_preference = accepting(&function, &path, "application/json").await;
        assert_eq!(json(&by_preference), value, "{path}");
        let direct = match path.as_str() {
            "/" => "/api/grid".to_owned(),
            path => format!("/api{path}"),
        };
        assert_eq!(json(&function.get(&direct).await), value, "{path}");
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let page = accepting(&function, &path, browser).await;
        assert!(page.of(200).starts_with("<!doctype html>"), "{path}");
        // A cache in between must not give the one to who asks for the other.
        for answer in [&page, &by_preference] {
            assert!(answer.header("vary").contains("accept,"), "{path}");
        }
    }
}

#[tokio::test]
async fn documents_are_handed_on_as_they_are() {
    let function = full().await;
    let read = |path: &'static str| {
        let function = &function;
        async move { function.get(path).await.body }
    };
    let view: BuilderView = serde_json::from_slice(&read("/api/builder/pi").await).unwrap();
    assert_eq!(view, builder());
    let view: GridView = serde_json::from_slice(&read("/api/grid?sheet=0").await).unwrap();
    assert_eq!(view, sheet());
    let path = "/api/try/gerrit%2Fdemo~1234%3F%23%26%3C2%3E";
    let view: SetView = serde_json::from_slice(&read(path).await).unwrap();
    assert_eq!(view, set());
    let path = "/api/test?unit=go_test%3Afmt";
    let answer: TestAnswer = serde_json::from_slice(&read(path).await).unwrap();
    assert_eq!(answer.test, tests().tests[1]);
    let path = "/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?repo=demo";
    let commit: Value = serde_json::from_slice(&read(path).await).unwrap();
    assert_eq!(commit["places"][1], serde_json::json!(["release/1 & 2", 0]));
}

#[tokio::test]
async fn who_has_a_version_is_not_told_it_again() {
    let function = full().await;
    for path in ["/api/builders", "/api/queue/bench", "/about.json"] {
        let tag = function.get(path).await.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        let again = Request::get(path).header("if-none-match", &tag);
        let again = function.ask(again.body(Body::empty()).unwrap()).await;
        assert_eq!(again.of(304), "", "{path}");
    }
}

#[tokio::test]
async fn trouble_is_a_problem_document_that_says_what_to_do() {
    let function = dashboard().await;
    for (path, status, says) in [
        ("/api/nowhere", 404, "/openapi.json tells what does"),
        ("/api/builder/nobody", 404, "/builders lists those"),
        ("/builder/nobody.json", 404, "/builders lists those"),
        ("/api/queue/x", 404, "/queue lists those"),
        ("/api/try/x", 404, "too old, or not wanted yet"),
        ("/api/grid?repo=x", 404, "no repository"),
        ("/api/grid?sheet=x", 400, "sheet"),
        ("/api/grid?sheet=7", 404, "Ask again later"),
        ("/api/commits/x", 404, "add ?repo="),
        ("/api/test", 400, "Say which test"),
        ("/api/diff", 400, "Say since when"),
        ("/api/audit", 401, ""),
    ] {
        let answer = function.get(path).await;
        let text = answer.of(status);
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(problem.status, status, "{path}");
        assert!(problem.detail.contains(says), "{path}: {text}");
    }
    // What cannot be read is told as well as what is not there.
    let nonsense = bytes::Bytes::from_static(b"{");
    let put = function.bucket.put_view(key::STATUS, nonsense, None);
    put.await.unwrap();
    let answer = function.get("/api/queue").await;
    assert!(answer.of(503).contains("Try again in a few seconds"));
    assert_eq!(answer.header("retry-after"), "5");
}
