//! What people ask the farm for.

use std::process::ExitCode;

use axum::http::StatusCode;

use crate::farm::{COMMIT, Farm, LINT, RUNNING};
use crate::typed::{Ran, farm};

async fn ask(server: &Farm, words: &[&str]) -> Ran {
    let mut all = words.to_vec();
    all.extend(["--server", &server.url, "--token", "abc"]);
    farm(&all).await
}

#[tokio::test]
async fn each_command_is_one_request_with_a_token() {
    let server = Farm::with(&[RUNNING]).await;
    let cell = format!("lint@{COMMIT}");
    for (words, asked) in [
        (
            &["cancel", &cell][..],
            format!(r#"{{"do":"cancel","build":"{LINT}"}}"#),
        ),
        (
            &["pause", "lint", "--reason", "no disk"],
            r#"{"do":"pause","builder":"lint","reason":"no disk"}"#.to_owned(),
        ),
        (
            &["resume", "lint"],
            r#"{"do":"resume","builder":"lint"}"#.to_owned(),
        ),
        (
            &["drain", "attic"],
            r#"{"do":"drain","machine":"attic","reason":""}"#.to_owned(),
        ),
        (
            &["undrain", "attic"],
            r#"{"do":"undrain","machine":"attic"}"#.to_owned(),
        ),
        (
            &["views", "rebuild"],
            r#"{"do":"rebuild-views"}"#.to_owned(),
        ),
    ] {
        let out = ask(&server, words).await.printed();
        assert!(
            out.ends_with("`farm audit` shows what came of it\n"),
            "{out}"
        );
        assert_eq!(server.state.commands.lock().pop(), Some(asked));
    }
    let requests = server.asked("/api/commands");
    assert_eq!(requests.len(), 6);
    assert!(
        requests
            .iter()
            .all(|line| line == "POST /api/commands Bearer abc")
    );
}

#[tokio::test]
async fn a_refusal_is_exit_code_1_and_trouble_is_none() {
    let server = Farm::with(&[RUNNING]).await;
    *server.state.refuses.lock() = Some((StatusCode::UNAUTHORIZED, "the token\u{1b} expired"));
    let ran = ask(&server, &["resume", "lint"]).await;
    assert_eq!(ran.code.unwrap(), ExitCode::from(1));
    assert_eq!(ran.err, "refused: the token  expired\n");
    *server.state.refuses.lock() = Some((StatusCode::SERVICE_UNAVAILABLE, "not now; try again"));
    let error = ask(&server, &["resume", "lint"]).await.failure();
    assert!(error.contains("not now"), "{error}");
}

#[tokio::test]
async fn what_was_asked_for_and_what_flakes_is_shown() {
    let server = Farm::with(&[RUNNING]).await;
    let out = ask(&server, &["audit"]).await.printed();
    assert_eq!(server.asked("/api/audit"), ["GET /api/audit Bearer abc"]);
    assert!(
        out.contains("user:gopher  drain attic (new disk): nothing more is leased to it"),
        "{out}"
    );
    let out = farm(&["flakes", "--server", &server.url]).await.printed();
    assert!(out.starts_with("2 of 40 runs, last "), "{out}");
    assert!(out.contains("lint sample  net TestDial  3f2a"), "{out}");
    let json = farm(&["flakes", "--json", "--server", &server.url])
        .await
        .printed();
    let view: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(view["flakes"][0]["flaked"], 2);
}
