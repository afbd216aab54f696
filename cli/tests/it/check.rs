use std::process::ExitCode;

use serde_json::{Value, json};

use crate::typed::{farm, farm_unread, farm_with};

const GOOD: &str = "\
[hosts.local]

[builders.test]
host = \"local\"
steps = [{ run = \"make\" }]

[repositories.sample]
";

const BAD: &str = "\
[hosts.local]

[builders.test]
host = \"locl\"
steps = [{ run = \"make\" }]
";

#[tokio::test]
async fn a_valid_file_is_summed_up_whichever_way_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("farm.toml");
    std::fs::write(&file, GOOD).unwrap();
    let file = file.to_str().unwrap();
    let want = format!("{file} is valid: 1 host, 1 builder, 1 repository\n");
    assert_eq!(farm(&["check", file]).await.printed(), want);
    let dir = dir.path().to_str().unwrap();
    assert_eq!(farm(&["check", dir]).await.printed(), want);
    let typed = farm_with(&["check", "-"], GOOD).await.printed();
    assert_eq!(typed, "<stdin> is valid: 1 host, 1 builder, 1 repository\n");
}

#[tokio::test]
async fn an_invalid_file_is_told_by_line_with_a_suggestion() {
    let ran = farm_with(&["check", "-"], BAD).await;
    assert_eq!(ran.code.unwrap(), ExitCode::from(1));
    assert_eq!(
        ran.out,
        "<stdin>:4:8: builder \"test\" names \"locl\", which is not in [hosts]; did you mean \"local\"?\n\
         <stdin> is not valid: 1 problem\n"
    );
}

#[tokio::test]
async fn an_editor_gets_json() {
    let ran = farm_with(&["check", "-", "--json"], BAD).await;
    assert_eq!(ran.code.unwrap(), ExitCode::from(1));
    let line: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        line,
        json!({
            "file": "<stdin>", "valid": false, "hosts": [], "builders": [], "repositories": [],
            "problems": [{
                "line": 4, "column": 8, "message": "builder \"test\" names \"locl\", which is not in [hosts]",
                "suggestion": "did you mean \"local\"?",
            }],
        })
    );
    let good = farm_with(&["check", "-", "--json"], GOOD).await.printed();
    let line: Value = serde_json::from_str(&good).unwrap();
    assert_eq!(line["builders"], json!(["test"]));
    assert_eq!(line["problems"], json!([]));
}

#[tokio::test]
async fn a_missing_file_is_not_an_invalid_one() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("farm.toml");
    let error = farm(&["check", missing.to_str().unwrap()]).await.failure();
    assert!(
        error.contains("farm.toml") && error.contains("farm init"),
        "{error}"
    );
}

#[tokio::test]
async fn a_reader_that_left_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("farm.toml"), GOOD).unwrap();
    let code = farm_unread(&["check", dir.path().to_str().unwrap()]).await;
    assert_eq!(code.unwrap(), ExitCode::SUCCESS);
}
