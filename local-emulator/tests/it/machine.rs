//! `farm machine` beside a running `farm up`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::binary;
use crate::up::running;
use farm_harness::{Process, farm_command, until};

/// `farm machine …`, in the folder of the farm.
async fn machine(folder: &Path, words: &[&str]) -> Output {
    let mut command = farm_command(binary(), &["machine"]);
    command.args(words).current_dir(folder);
    command.output().await.unwrap()
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the list says of `attic`.
async fn state(folder: &Path) -> String {
    let list = text(&machine(folder, &["list", "--json"]).await);
    let list: Value = serde_json::from_str(&list).unwrap();
    let mut rows = list.as_array().unwrap().iter();
    let row = rows.find(|row| row["name"] == "attic").unwrap();
    row["state"].as_str().unwrap().to_owned()
}

async fn until_state(folder: &Path, wanted: &str) {
    until(wanted, async || {
        let state = state(folder).await;
        if state == wanted { Ok(()) } else { Err(state) }
    })
    .await;
}

/// Runs the line as on the new machine, where `buildlet` is this binary's.
fn on_the_machine(folder: &Path, line: &str) -> Process {
    let home = folder.join("home");
    std::fs::create_dir_all(&home).unwrap();
    let program = home.join("buildlet");
    let script = format!(
        "#!/bin/sh\nexec '{}' buildlet \"$@\" --workdir '{}/work'\n",
        binary().display(),
        home.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    // In place of the shell, so that it ends with this test.
    let line = line.replace("&& buildlet ", "&& exec buildlet ");
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .env("HOME", &home)
        .env("PATH", format!("{}:/usr/bin:/bin", home.display()));
    Process::start(command, &folder.join("attic.log"))
}

#[tokio::test]
async fn a_machine_is_added_with_one_line_and_cut_off_when_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_farm, _) = running(folder, &["--machines", "1"]).await;
    let words = [
        "add",
        "attic",
        "--host-type",
        "rpi4",
        "--owner",
        "g@example.org",
    ];
    let line = text(&machine(folder, &words).await);
    let attic = on_the_machine(folder, &line);
    until_state(folder, "online").await;
    let said = text(&machine(folder, &["revoke", "attic"]).await);
    assert!(said.contains("within 30 seconds"), "{said}");
    until("the hub to turn it away", async || {
        let output = attic.output();
        if output.contains("bad key") {
            Ok(())
        } else {
            Err(output)
        }
    })
    .await;
    assert_eq!(state(folder).await, "revoked");
    attic.kill().await;
}
