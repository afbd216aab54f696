use std::process::ExitCode;

use axum::http::StatusCode;

use crate::farm::{COMMIT, DONE, Farm, HASH};
use crate::typed::{Ran, farm};

/// Of `lint`, under the master key `gophers rule`.
fn key(builder: &str) -> String {
    let master = farm_wire::keys::MasterKey::new(b"gophers rule").unwrap();
    farm_wire::keys::key_2019(&master, builder)
}

/// Files with keys.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("master"), "gophers rule\n").unwrap();
        std::fs::write(folder.path().join("own"), "0wn\n").unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    async fn run(&self, server: &Farm, words: &[&str]) -> Ran {
        let master = self.path("master");
        let mut all = vec![
            "retrybuilds",
            "-builder-prefix",
            &server.url,
            "-masterkey",
            &master,
        ];
        all.extend(words);
        farm(&all).await
    }
}

fn cleared(builder: &str, key: &str) -> String {
    format!("POST /clear-results?builder={builder}&hash={COMMIT}&key={key}")
}

#[tokio::test]
async fn a_builders_result_is_cleared_with_its_key() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    let words = ["-builder=lint", "--hash", COMMIT];
    let out = keys.run(&server, &words).await.printed();
    assert_eq!(out, format!("cleared {COMMIT} lint\n"));
    assert_eq!(server.asked("/"), [cleared("lint", &key("lint"))]);
    // By its first digits it is looked for among the failures; without any, all of the builder's are cleared.
    for words in [
        &["-builder", "lint", "-hash", "5b0c"][..],
        &["-builder", "lint"],
    ] {
        keys.run(&server, words).await.printed();
    }
    assert_eq!(server.asked("/clear-results").len(), 3);
    assert_eq!(server.asked("/?")[0], "GET /?mode=failures&branch=master");
    let error = keys
        .run(&server, &["-builder", "lint", "-hash", "ffff"])
        .await;
    assert!(error.failure().contains("write all 40 digits"));
}

#[tokio::test]
async fn one_builders_key_does_or_the_master_key_itself() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    let own = keys.path("own");
    let base = [
        "retrybuilds",
        "-builder-prefix",
        &server.url,
        "-builder",
        "lint",
        "-hash",
        COMMIT,
    ];
    farm(&[&base[..], &["-key", &own]].concat()).await.printed();
    keys.run(
        &server,
        &["-builder", "lint", "-hash", COMMIT, "-sendmaster"],
    )
    .await
    .printed();
    assert_eq!(
        server.asked("/"),
        [cleared("lint", "0wn"), cleared("lint", "gophers+rule")]
    );
    assert!(farm(&base).await.failure().contains("-masterkey or -key"));
}

#[tokio::test]
async fn what_looks_flaky_is_cleared_and_one_that_fails_does_not_end_it() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    server.log(HASH, &format!("{}--- FAIL: TestFoo\n", "ok\n".repeat(30)));
    server.log(&"b".repeat(40), "exit status 1\n");
    let ran = keys.run(&server, &["-redo-flaky"]).await;
    assert_eq!(ran.err, "cleared 1 result; 0 failed\n");
    assert_eq!(ran.printed(), format!("cleared {COMMIT} test\n"));
    // A log that cannot be read is told, and the others go on.
    server.log("gone", "");
    let ran = keys.run(&server, &["-redo-flaky"]).await;
    assert_eq!(ran.code.unwrap(), ExitCode::from(1));
    assert!(
        ran.err.contains("gone") && ran.err.contains("404"),
        "{}",
        ran.err
    );
    assert!(ran.err.ends_with("cleared 1 result; 1 failed\n"));
    let other = keys
        .run(&server, &["-redo-flaky", "-builder", "lint"])
        .await;
    assert_eq!(other.printed(), "");
}

#[tokio::test]
async fn a_logs_hash_goes_before_everything() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    let words = ["-loghash", "a94a8fe5", "-redo-flaky", "-branch", "release"];
    let out = keys.run(&server, &words).await.printed();
    assert_eq!(out, format!("cleared {COMMIT} lint\n"));
    assert_eq!(server.asked("/?"), ["GET /?mode=failures&branch=release"]);
}

#[tokio::test]
async fn a_result_that_is_being_written_is_tried_ten_times_and_a_refusal_once() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    for (error, tries) in [
        ("datastore: concurrent transaction", 10),
        ("invalid key", 1),
    ] {
        let text = format!("{{\"Response\":null,\"Error\":\"{error}\"}}");
        *server.state.clear.lock() = Some((StatusCode::OK, text));
        server.state.asked.lock().clear();
        let ran = keys
            .run(&server, &["-builder", "lint", "-hash", COMMIT])
            .await;
        assert_eq!(ran.code.unwrap(), ExitCode::from(1));
        assert!(ran.err.contains(error), "{}", ran.err);
        assert!(!ran.err.contains(&key("lint")), "a key is never printed");
        assert_eq!(server.asked("/clear-results").len(), tries);
    }
}

#[tokio::test]
async fn flags_are_explained_and_a_missing_one_is_named() {
    let (server, keys) = (Farm::with(&[DONE]).await, Keys::new());
    assert!(
        farm(&["retrybuilds", "-help"])
            .await
            .printed()
            .contains("-redo-flaky")
    );
    let error = keys.run(&server, &[]).await.failure();
    assert!(error.contains("missing flag"), "{error}");
}
