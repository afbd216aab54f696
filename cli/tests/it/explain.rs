use std::process::ExitCode;

use serde_json::Value;

use crate::farm::{COMMIT, DONE, Farm, LINT, WAITING};
use crate::typed::farm;

#[tokio::test]
async fn an_open_build_says_its_one_reason() {
    let server = Farm::with(&[WAITING]).await;
    for build in [LINT, "3f2a", "lint@5b0c", &format!("{LINT}/1/steps/1")] {
        let out = farm(&["explain", build, "--server", &server.url]).await;
        assert_eq!(
            out.printed(),
            "lint@5b0c9d1e of sample, run 1: queued for 2m\nwaits for a machine of local\n",
            "{build}"
        );
    }
}

#[tokio::test]
async fn one_that_is_over_is_told_from_one_that_waits() {
    let server = Farm::with(&[DONE]).await;
    let ran = farm(&["explain", LINT, "--server", &server.url]).await;
    assert_eq!(ran.out, "lint@5b0c9d1e of sample, run 1: ok\n");
    assert_eq!(ran.code.unwrap(), ExitCode::FAILURE);
}

#[tokio::test]
async fn a_script_gets_the_reason_as_data() {
    let server = Farm::with(&[WAITING]).await;
    let out = farm(&["explain", LINT, "--json", "--server", &server.url]).await;
    let line: Value = serde_json::from_str(&out.printed()).unwrap();
    assert_eq!(line["why"], "waits for a machine of local");
    assert_eq!(
        (&line["status"], &line["commit"]),
        (&"queued".into(), &COMMIT.into())
    );
    assert_eq!(line["since"], line["made"]);
}

#[tokio::test]
async fn a_build_that_is_not_there_is_said() {
    let server = Farm::with(&[DONE]).await;
    let unknown = "e".repeat(32);
    let error = farm(&["explain", &unknown, "--server", &server.url])
        .await
        .failure();
    assert!(error.contains("there is no build"), "{error}");
}
