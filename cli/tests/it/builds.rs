use serde_json::Value;

use crate::farm::{COMMIT, DONE, Farm, LINT, nobody};
use crate::typed::farm;

#[tokio::test]
async fn commits_by_builders_and_why_open_builds_wait() {
    let server = Farm::with(&[DONE]).await;
    let out = farm(&["builds", "--server", &server.url]).await.printed();
    assert_eq!(
        out,
        "\
sample farm: 1 machine, 0 busy; 1 build open; last change told 2m ago
trouble: the queue of results is long

sample main
commit    lint     test     author            subject
5b0c9d1e  failed   queued   Gopher            add: be right again
dddddddd  ok                Gopher            first

open, oldest first
queued   test@5b0c9d1e of sample for 2m: waits for a machine of local
"
    );
    assert_eq!(
        server.asked("/api/grid"),
        ["GET /api/grid?repo=sample&branch=main"]
    );
}

#[tokio::test]
async fn a_script_gets_the_documents() {
    let server = Farm::with(&[DONE]).await;
    let out = farm(&["builds", "--json", "--server", &server.url])
        .await
        .printed();
    let line: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(line["grids"][0]["rows"][0]["commit"]["id"], COMMIT);
    assert_eq!(line["grids"][0]["rows"][0]["cells"][0]["build"], LINT);
    assert_eq!(line["farm"]["open"][0]["builder"], "test");
}

#[tokio::test]
async fn a_wrong_name_is_answered_with_the_right_ones() {
    let server = Farm::with(&[DONE]).await;
    let error = farm(&["builds", "--repo", "simple", "--server", &server.url])
        .await
        .failure();
    assert!(
        error.contains("no repository simple; there are: sample"),
        "{error}"
    );
    let error = farm(&["builds", "--branch", "mian", "--server", &server.url])
        .await
        .failure();
    assert!(
        error.contains("no branch mian; there are: main, old"),
        "{error}"
    );
    let error = farm(&["builds", "--server", "localhost:8080"])
        .await
        .failure();
    assert!(error.contains("http://HOST:PORT"), "{error}");
}

#[tokio::test]
async fn without_a_farm_it_says_what_to_do() {
    let url = format!("http://{}", nobody().await);
    let error = farm(&["builds", "--server", &url]).await.failure();
    assert!(
        error.contains("is `farm up` running? --server chooses another"),
        "{error}"
    );
    assert!(error.contains(&url), "{error}");
}

#[tokio::test]
async fn what_is_no_farm_is_told_so() {
    let server = Farm::with(&[DONE]).await;
    let below = format!("{}/elsewhere", server.url);
    let error = farm(&["builds", "--server", &below]).await.failure();
    assert!(error.contains("this is no farm"), "{error}");
}
