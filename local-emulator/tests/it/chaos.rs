//! `farm up --chaos`: a bad week, and the books balance.

use serde_json::Value;

use crate::binary;
use farm_harness::{PATIENCE, farm_command, leftovers};

#[tokio::test]
async fn what_chaos_does_changes_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = farm_command(binary(), &["up", "--chaos", "7", "--until-idle", "--json"]);
    command.arg("--data").arg(&data);
    for port in ["--http", "--hub", "--pubsub"] {
        command.args([port, "127.0.0.1:0"]);
    }
    let output = tokio::time::timeout(PATIENCE * 4, command.output());
    let output = output.await.expect("farm up does not end").unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("every run that was wanted ended once"),
        "{said}"
    );

    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let summary: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let summary = &summary["chaos"];
    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{summary}"));
    for disturbance in [
        "messages_lost",
        "messages_late",
        "messages_overtaken",
        "messages_repeated",
        "machines_killed",
        "coordinator_cut_off",
    ] {
        let done = count(&summary["disturbances"][disturbance]);
        assert!(done > 0, "{disturbance} is {done}: {summary}");
    }
    // The sample's three, and what was asked for again.
    assert!(count(&summary["wanted"]) >= 3, "{summary}");
    assert_eq!(summary["wanted"], summary["ended"], "{summary}");
    assert_eq!(summary["seed"], 7);
    assert_eq!(leftovers(&data), Vec::<String>::new());
}
