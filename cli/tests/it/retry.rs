use std::process::ExitCode;

use axum::http::StatusCode;
use farm_forge::token;

use crate::farm::{COMMIT, DONE, Farm, HASH, LINT};
use crate::typed::{NOW, Ran, farm};

async fn retry(server: &Farm, words: &[&str]) -> Ran {
    let mut all = vec!["retry", "--server", &server.url, "lint"];
    all.extend(words);
    farm(&all).await
}

fn request(token: &str) -> String {
    format!("POST /clear-results?builder=lint&hash={COMMIT} Bearer {token}")
}

#[tokio::test]
async fn a_retry_is_a_request_with_a_token() {
    let server = Farm::with(&[DONE]).await;
    let out = retry(&server, &[COMMIT, "--token", "abc"]).await.printed();
    assert_eq!(
        out,
        "asked for another run of lint@5b0c9d1e: `farm builds` shows it
"
    );
    assert_eq!(server.asked("/"), [request("abc")], "and nothing else");
}

#[tokio::test]
async fn a_commit_is_found_by_its_first_digits() {
    let server = Farm::with(&[DONE]).await;
    retry(&server, &["5b0c", "--token", "abc"]).await.printed();
    assert_eq!(server.asked("/clear-results"), [request("abc")]);
    let error = retry(&server, &["ffff", "--token", "abc"]).await.failure();
    assert!(error.contains("all of its digits"), "{error}");
    let error = retry(&server, &["5b0", "--token", "abc"]).await.failure();
    assert!(error.contains("at least 4"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_exit_code_1() {
    for status in [StatusCode::OK, StatusCode::UNAUTHORIZED] {
        let server = Farm::with(&[DONE]).await;
        let refused = r#"{"Response":null,"Error":"the token\u001b expired"}"#;
        *server.state.clear.lock() = Some((status, refused.to_owned()));
        let ran = retry(&server, &[COMMIT, "--token", "abc"]).await;
        assert_eq!(ran.code.unwrap(), ExitCode::from(1));
        assert_eq!(
            ran.err,
            "lint@5b0c9d1e is not retried: the token  expired\n"
        );
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_not_taken_for_a_yes() {
    for (status, body) in [
        (StatusCode::OK, "<html>"),
        (StatusCode::FORBIDDEN, "who are you?"),
        (StatusCode::BAD_GATEWAY, r#"{"Response":null,"Error":""}"#),
    ] {
        let server = Farm::with(&[DONE]).await;
        *server.state.clear.lock() = Some((status, body.to_owned()));
        let error = retry(&server, &[COMMIT, "--token", "abc"]).await.failure();
        assert!(error.contains(status.as_str()), "{error}");
    }
}

#[tokio::test]
async fn the_key_of_a_farm_on_this_computer_makes_a_token() {
    let server = Farm::with(&[DONE]).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let error = retry(&server, &[COMMIT, "--data", data]).await.failure();
    assert!(
        error.contains("--token") && error.contains("token-key"),
        "{error}"
    );
    assert!(server.asked("/").is_empty());

    std::fs::create_dir(dir.path().join("secrets")).unwrap();
    std::fs::write(dir.path().join("secrets/token-key"), "key\n").unwrap();
    retry(&server, &[COMMIT, "--data", data]).await.printed();
    let asked = server.asked("/clear-results");
    let sent = asked[0].rsplit(' ').next().unwrap();
    let claims = token::verify(b"key", sent, NOW.parse().unwrap()).unwrap();
    assert_eq!(claims.subject, "local-gopher");
    assert_eq!(claims.expires.to_string(), "2026-01-01T12:05:00Z");
}

async fn many(server: &Farm, words: &[&str]) -> Ran {
    let mut all = vec!["retry", "--server", &server.url, "--token", "abc"];
    all.extend(words);
    farm(&all).await
}

#[tokio::test]
async fn what_failed_is_found_by_its_log() {
    let server = Farm::with(&[DONE]).await;
    server.log(
        "1/1",
        &format!("{}connection reset by peer\n", "ok\n".repeat(30)),
    );
    let retried = format!(r#"{{"do":"retry","build":"{LINT}"}}"#);
    for words in [
        &["--substring", "connection reset"][..],
        &["--log-hash", &HASH[..6]],
        &["lint", "--substring", "reset", "--branch", "main"],
    ] {
        let ran = many(&server, words).await;
        assert_eq!(ran.err, "asked for 1 build; 0 failed\n", "{words:?}");
        let line = "asked for another run of lint@5b0c9d1e: step lint: exit status 1\n";
        assert_eq!(ran.printed(), line);
    }
    assert_eq!(*server.state.commands.lock(), vec![retried; 3]);
    for words in [
        &["--substring", "no such text"][..],
        &["--flaky"],
        &["--log-hash", "b"],
        &["test", "--substring", "reset"],
    ] {
        let ran = many(&server, words).await;
        assert_eq!(ran.err, "asked for 0 builds; 0 failed\n", "{words:?}");
    }
    assert_eq!(server.state.commands.lock().len(), 3);
}

#[tokio::test]
async fn a_dry_run_asks_for_nothing() {
    let server = Farm::with(&[DONE]).await;
    server.log("1/1", "exit status 1\n");
    let ran = many(&server, &["--flaky", "--dry-run", "--json"]).await;
    assert_eq!(
        ran.printed(),
        format!(
            "{{\"builder\":\"lint\",\"commit\":\"{COMMIT}\",\"repo\":\"sample\",\"build\":\"{LINT}\",\"run\":1,\"is\":\"found\"}}\n"
        )
    );
    let out = retry(&server, &[COMMIT, "--dry-run"]).await.printed();
    assert_eq!(out, "would ask for another run of lint@5b0c9d1e\n");
    assert!(server.asked("/api/commands").is_empty() && server.asked("/clear").is_empty());
}

#[tokio::test]
async fn one_that_fails_is_told_and_counts() {
    let server = Farm::with(&[DONE]).await;
    let ran = many(&server, &["--flaky"]).await;
    assert_eq!(ran.code.unwrap(), ExitCode::from(1));
    assert!(
        ran.err
            .contains("lint@5b0c9d1e is not retried: its log is empty or gone")
    );
    server.log("1/1", "exit status 1\n");
    *server.state.refuses.lock() = Some((StatusCode::BAD_REQUEST, "not today"));
    let ran = many(&server, &["--flaky"]).await;
    assert_eq!(
        ran.err,
        "lint@5b0c9d1e is not retried: not today\nasked for 0 builds; 1 failed\n"
    );
    let error = many(&server, &[]).await.failure();
    assert!(error.contains("say which"), "{error}");
}
