use farm_forge::token;
use serde_json::{Value, json};

use crate::typed::{NOW, farm};

#[tokio::test]
async fn a_token_speaks_for_a_person_until_it_expires() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "secret\n").unwrap();
    let key = key.to_str().unwrap();
    let words = ["token", "--key-file", key, "--subject", "gopher"];
    let ran = farm(&words).await;
    assert_eq!(ran.err, "for gopher, until 2026-01-31 12:00 UTC\n");
    let minted = ran.printed();
    let claims = token::verify(b"secret", minted.trim(), NOW.parse().unwrap()).unwrap();
    assert_eq!(claims.subject, "gopher");

    let line = farm(&[&words[..], &["--json"]].concat()).await;
    assert_eq!(line.err, "");
    let line: Value = serde_json::from_str(&line.printed()).unwrap();
    assert_eq!(line["token"], minted.trim());
    assert_eq!(
        (&line["subject"], &line["expires"]),
        (&json!("gopher"), &json!("2026-01-31T12:00:00Z"))
    );

    let mut long = words.to_vec();
    long.extend(["--expires", "400d"]);
    assert!(farm(&long).await.failure().contains("366d"));
}

#[tokio::test]
async fn an_empty_key_makes_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, " \n").unwrap();
    let key = key.to_str().unwrap();
    let error = farm(&["token", "--key-file", key, "--subject", "gopher"])
        .await
        .failure();
    assert!(error.contains("empty"), "{error}");
}
