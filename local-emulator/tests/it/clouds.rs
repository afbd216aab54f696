//! `farm emulator gce` and `kubernetes`: machines end with the process, however it ends.

use std::path::Path;

use farm_harness::{Process, client, farm_command, leftovers, until};
use serde_json::{Value, json};

use crate::binary;

/// The emulator of `words`, and the value of the variable that it prints.
async fn emulator(folder: &Path, words: &[&str]) -> (Process, String) {
    let mut command = farm_command(binary(), &["emulator"]);
    command.args(words).args(["--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(folder.join("machines"));
    let process = Process::start(command, &folder.join("emulator.log"));
    let value = until("the emulator to listen", async || {
        let output = process.output();
        let mut lines = output.lines();
        let line = lines.find_map(|line| line.strip_prefix("export ")?.split_once('='));
        line.map(|(_, value)| value.to_owned()).ok_or(output)
    });
    let value = value.await;
    (process, value)
}

async fn post(url: &str, body: &Value) {
    let request = client().post(url).json(body);
    let answer = request.send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
}

/// kill -9: whatever runs in the machines' folders is gone then.
async fn killed(process: Process, folder: &Path) {
    until("the machine to run", async || match leftovers(folder) {
        all if all.iter().any(|line| line.contains("sleep 1000")) => Ok(()),
        all => Err(all),
    })
    .await;
    process.kill().await;
    until("the machines to be gone", async || {
        match leftovers(folder) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        }
    })
    .await;
}

#[tokio::test]
async fn instances_do_not_outlive_their_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let machines = folder.path().canonicalize().unwrap().join("machines");
    let (process, endpoint) = emulator(folder.path(), &["gce"]).await;
    let script = "trap '' HUP TERM; sleep 1000 & sleep 1000; sleep 1000";
    let body = json!({
        "name": "m1",
        "machineType": "zones/europe-west4-a/machineTypes/n2-standard-2",
        "disks": [{ "boot": true, "initializeParams": { "sourceImage": "global/images/x" } }],
        "networkInterfaces": [{}],
        "metadata": { "items": [{ "key": "startup-script", "value": script }] },
    });
    post(
        &format!("{endpoint}projects/p/zones/europe-west4-a/instances"),
        &body,
    )
    .await;
    killed(process, &machines).await;
}

#[tokio::test]
async fn pods_do_not_outlive_their_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let machines = folder.path().canonicalize().unwrap().join("machines");
    let (process, config) = emulator(folder.path(), &["kubernetes", "--images", "any"]).await;
    let config = std::fs::read_to_string(config).unwrap();
    let (_, server) = config.split_once("server: \"").unwrap();
    let (server, _) = server.split_once('"').unwrap();
    let container = json!({ "name": "c", "image": "any", "command": ["sleep", "1000"] });
    let pod = json!({
        "metadata": { "name": "m1" },
        "spec": { "restartPolicy": "Never", "containers": [container] },
    });
    post(&format!("{server}/api/v1/namespaces/farm/pods"), &pod).await;
    killed(process, &machines).await;
}

#[tokio::test]
async fn what_boots_can_load_the_buildlet() {
    let folder = tempfile::tempdir().unwrap();
    let (process, endpoint) = emulator(folder.path(), &["gce"]).await;
    let url = endpoint.replace("/compute/v1/", "/buildlet/linux-amd64");
    let answer = client().get(url).send().await.unwrap();
    let path = folder.path().join("loaded");
    std::fs::write(&path, answer.bytes().await.unwrap()).unwrap();
    let mut command = tokio::process::Command::new("sh");
    let output = command.arg(&path).arg("--help").output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("--reverse-type"), "{said}");
    assert!(process.stop().await.success());
}
