//! A commit that breaks a builder is told to people, and so is the one that mends it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use farm_forge::signature::verify_github;
use farm_harness::{Repository, SHELL, client, until};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::up::running_with;

type Calls = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn take(State(calls): State<Calls>, headers: HeaderMap, body: Bytes) {
    calls.lock().push((headers, body));
}

/// Somebody's webhook, with what it was told.
async fn hook() -> (String, Calls, JoinSet<()>) {
    let calls = Calls::default();
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(Arc::clone(&calls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, calls, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_breaks_a_builder_is_told_once_and_so_is_the_one_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(&folder.path().join("demo"), SHELL, "echo one");
    let (url, calls, _serving) = hook().await;
    let repo = repository.path.display().to_string();
    let args = ["--repo", &repo, "--json"];
    let environment = [("FARM_HOOKS", url.as_str()), ("FARM_GATHER", "0")];
    let (process, pages) = running_with(folder.path(), &args, &environment).await;
    let built = async |outcome: &str| {
        let wanted = format!("\"outcome\":\"{outcome}\"");
        until("a build", async || {
            let output = process.output();
            output.contains(&wanted).then_some(()).ok_or(output)
        })
        .await;
    };
    let told = async |count: usize| {
        until("a call", async || {
            let calls = calls.lock();
            let last = calls.get(count - 1).cloned();
            last.ok_or(format!("{} calls\n{}", calls.len(), process.output()))
        })
        .await
    };
    built("ok").await;
    let broke = repository.commit("be clever", "exit 1");
    let (headers, body) = told(1).await;
    let secret = folder.path().join(".farm/secrets/hook");
    let secret = std::fs::read(secret).unwrap();
    let signature = headers["x-hub-signature-256"].to_str().unwrap();
    verify_github(&secret, &body, signature).unwrap();
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["type"], "farmhand.builders.broken.v1");
    let breakage = &event["data"]["breakages"][0];
    assert_eq!(
        (&breakage["builder"], &breakage["commit"]),
        (&"shell".into(), &broke.into())
    );
    assert_eq!(breakage["author"], "t <t@localhost>");
    let mended = repository.commit("be right again", "echo three");
    let event: Value = serde_json::from_slice(&told(2).await.1).unwrap();
    assert_eq!(event["type"], "farmhand.builders.mended.v1");
    assert_eq!(event["data"]["breakages"][0]["mended"]["commit"], mended);
    // Nobody from outside may have the farm say something.
    let report = client()
        .post(format!("{pages}report"))
        .body("{}")
        .send()
        .await;
    assert_eq!(report.unwrap().status().as_u16(), 404);
    assert!(process.stop().await.success());
    assert_eq!(calls.lock().len(), 2);
}
