//! How long answers are good, and for whom.

use axum::body::Body;
use axum::http::Request;
use farm_model::view::key;

use crate::harness::{Answer, Function};
use crate::sample::{build, dashboard, dashboard_with, farm, running};

const NOW: &str = "public, max-age=1, stale-while-revalidate=30";

async fn with(function: &Function, path: &str, header: (&str, &str)) -> Answer {
    let request = Request::get(path).header(header.0, header.1);
    function.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_page_of_now_is_good_for_a_moment_and_for_everybody() {
    let view = build(running());
    let function = dashboard_with(&view).await;
    let build = format!("/build/{}", view.build.id);
    for path in ["/", "/api/farm", "/?builder=pi", &build] {
        let answer = function.get(path).await;
        answer.of(200);
        assert_eq!(answer.header("cache-control"), NOW, "{path}");
        assert!(answer.header("vary").contains("cookie"), "{path}");
    }
}

#[tokio::test]
async fn a_page_for_who_is_signed_in_is_theirs() {
    let function = dashboard().await;
    let mine = with(&function, "/", ("cookie", "farm-session=farm1.x")).await;
    assert_eq!(mine.header("cache-control"), "private, no-cache");
    let mine = with(&function, "/", ("authorization", "Bearer x")).await;
    assert_eq!(mine.header("cache-control"), "no-store");
}

#[tokio::test]
async fn trouble_is_kept_by_nobody() {
    let function = dashboard().await;
    for path in ["/nowhere", "/?repo=x", "/api/audit", "/diff"] {
        let answer = function.get(path).await;
        assert!(answer.status.is_client_error());
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("etag"), "", "{path}");
    }
}

#[tokio::test]
async fn a_page_whose_handler_knows_no_version_has_that_of_its_text() {
    let view = build(running());
    let function = Function::start("dashboard", None);
    function.put_view(key::FARM, &farm()).await;
    let flakes = serde_json::json!({ "made": view.made, "flakes": [], "count": 0 });
    function.put_view(key::FLAKES, &flakes).await;
    let tag = function.get("/flakes").await.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let answer = with(&function, "/flakes", ("if-none-match", &tag)).await;
    assert_eq!(answer.of(304), "");
    assert_eq!(answer.header("etag"), tag);
    assert_eq!(answer.header("cache-control"), NOW);
    let other = format!("\"x\", {tag}x");
    let answer = with(&function, "/flakes", ("if-none-match", &other)).await;
    answer.of(200);
    let head = Request::head("/flakes").body(Body::empty()).unwrap();
    let head = function.ask(head).await;
    assert_eq!(head.of(200), "");
    assert_eq!(head.header("etag"), tag);
}
