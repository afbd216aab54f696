//! Which function answers what.

use axum::body::Body;
use axum::http::Request;
use farm_runtime::Vars;

use crate::harness::{Function, Queue};

#[tokio::test]
async fn all_functions_share_one_router_each_on_its_own_paths() {
    let queue = Queue::bare().await;
    let function = Function::start("all", Some(&queue));
    assert_eq!(function.get("/healthz").await.of(200), "ok\n");
    function.get("/").await.of(200);
    function.get("/recent").await.of(200);
    function.get("/github-webhook").await.of(405);
    function.get("/gerrit-webhook/x").await.of(405);
    function.get("/clear-results").await.of(405);
}

#[tokio::test]
async fn every_path_of_the_manifest_is_served() {
    let queue = Queue::bare().await;
    let function = Function::start("all", Some(&queue));
    let manifest = functions::manifest::read().unwrap();
    for route in manifest.values().flat_map(|function| &function.routes) {
        // A method that none of them takes: whoever knows the path refuses it in another way than whoever does not.
        let path = route.path.replace(['{', '}'], "");
        let request = Request::put(&path).body(Body::empty()).unwrap();
        let status = function.ask(request).await.status.as_u16();
        let known = matches!(status, 400 | 405) || route.path == "/recent";
        assert!(known && status != 404, "{path}: {status}");
    }
    let request = Request::put("/nowhere").body(Body::empty()).unwrap();
    function.ask(request).await.of(404);
}

#[tokio::test]
async fn one_function_answers_only_its_own() {
    let function = Function::start("dashboard", None);
    function.get("/").await.of(200);
    function.get("/healthz").await.of(200);
    function.get("/recent").await.of(404);
}

#[test]
fn a_function_that_is_not_there_is_named_with_those_that_are() {
    let error = functions::router("dashbord", &Vars::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no function \"dashbord\"; there are all, commands, dashboard, gerrit-webhook, github-webhook, provision, \
         pubsubhelper, report, results, retrybuilds, sign-in"
    );
}

#[test]
fn a_setting_that_is_missing_names_the_function() {
    let error = functions::router("all", &Vars::default()).unwrap_err();
    let text = format!("{error:#}");
    let expected = "the function commands cannot start: FARM_TOKEN_KEY is not set: ";
    assert!(text.starts_with(expected), "{text}");
}
