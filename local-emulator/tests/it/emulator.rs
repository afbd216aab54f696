//! `farm emulator pubsub`: by itself, in place of Google's.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::process::Command;

use crate::binary;
use farm_harness::{PATIENCE, Process, client, farm_command, until};

fn pubsub(args: &[&str]) -> Command {
    farm_command(binary(), &[&["emulator", "pubsub"], args].concat())
}

/// A running emulator with where it is, once it says that it serves.
pub async fn running(folder: &Path, args: &[&str]) -> (Process, String) {
    let mut command = pubsub(args);
    command.current_dir(folder);
    let process = Process::start(command, &folder.join("emulator.log"));
    let address = until("the emulator to serve", async || {
        let output = process.output();
        let line = output
            .lines()
            .find_map(|line| line.strip_prefix("export PUBSUB_EMULATOR_HOST="));
        let ready = output.contains("INFO: Server started, listening on ");
        line.filter(|_| ready)
            .map(str::to_owned)
            .ok_or(output.clone())
    });
    let address = address.await;
    (process, address)
}

async fn told(mut command: Command) -> (Option<i32>, String, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("it does not end").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn it_says_where_it_is_keeps_what_it_has_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "--host",
        "localhost",
        "--port=0",
        "--data-dir=kept",
        "--project=demo",
    ];
    let (process, address) = running(folder.path(), &args).await;
    assert!(address.starts_with("localhost:"), "{address}");
    assert!(
        process
            .output()
            .contains("export GOOGLE_CLOUD_PROJECT=demo\n")
    );
    let topic = format!("http://{address}/v1/projects/demo/topics/kept");
    let made = client().put(&topic).json(&json!({})).send().await.unwrap();
    assert_eq!(made.status(), 200);

    let mut asked = pubsub(&["env-init", "--data-dir=kept"]);
    asked.current_dir(folder.path());
    let (code, lines, _) = told(asked).await;
    let wanted =
        format!("export PUBSUB_EMULATOR_HOST={address}\nexport GOOGLE_CLOUD_PROJECT=demo\n");
    assert_eq!((code, lines), (Some(0), wanted));

    process.signal(Signal::SIGINT);
    let mut process = process;
    assert_eq!(
        process.ended().await.code(),
        Some(0),
        "{}",
        process.output()
    );
    let mut asked = pubsub(&["env-init", "--data-dir=kept"]);
    asked.current_dir(folder.path());
    let (code, _, complaint) = told(asked).await;
    assert_eq!(code, Some(3));
    assert!(
        complaint.contains("start `farm emulator pubsub"),
        "{complaint}"
    );

    // As gcloud spells it, and after kill -9.
    let args = ["start", "--host-port=127.0.0.1:0", "--data-dir=kept"];
    std::fs::remove_file(folder.path().join("emulator.log")).unwrap();
    let (process, address) = running(folder.path(), &args).await;
    process.kill().await;
    std::fs::remove_file(folder.path().join("emulator.log")).unwrap();
    let (process, again) = running(folder.path(), &args).await;
    assert_ne!(again, address);
    let topic = format!("http://{again}/v1/projects/demo/topics/kept");
    assert_eq!(client().get(&topic).send().await.unwrap().status(), 200);
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test]
async fn a_busy_port_and_a_console_for_everybody_are_refused_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, lines, complaint) = told(pubsub(&["--memory", "--port", &port])).await;
    assert_eq!((code, lines.as_str()), (Some(3), ""));
    assert!(
        complaint.contains(&port) && complaint.contains("--port 0"),
        "{complaint}"
    );

    let open = ["--memory", "--port=0", "--console=0.0.0.0:0"];
    let (code, _, complaint) = told(pubsub(&open)).await;
    assert_eq!(code, Some(3));
    assert!(complaint.contains("--console-anywhere"), "{complaint}");
}

#[tokio::test]
async fn help_and_completion_know_it() {
    let (code, help, _) = told(pubsub(&["--help"])).await;
    assert_eq!(code, Some(0));
    for part in [
        "--host-port",
        "--data-dir",
        "env-init",
        "Examples:",
        "farm emulator pubsub --port 8085",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = told(farm_command(binary(), &["completions", shell])).await;
        assert!(code == Some(0) && script.contains("host-port"), "{shell}");
    }
}
