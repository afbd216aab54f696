//! What queues and schedules call, where all functions are one process.

use std::process::Stdio;

use reqwest::StatusCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// Starts all functions; returns their process, and where they listen, in the order of `flags`.
async fn started(flags: &[&str]) -> (tokio::process::Child, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_functions"));
    command
        .env_clear()
        .env("FARM_BUCKET", "memory:")
        .env("FARM_BUS", "pubsub://test?endpoint=http://127.0.0.1:1")
        .env("GITHUB_WEBHOOK_SECRET", "a")
        .env("GERRIT_WEBHOOK_SECRET", "b")
        .env("FARM_TOKEN_KEY", "c")
        .env("FARM_MACHINE_KEY", "d")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    for flag in flags {
        command.args([*flag, "127.0.0.1:0"]);
    }
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while said.len() < flags.len() {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap();
        said.push(line.unwrap().unwrap());
    }
    let address = |flag: &&str| {
        let before = match *flag {
            "--inside" => functions::LISTENING_INSIDE,
            _ => functions::LISTENING,
        };
        let mut found = said.iter().filter_map(|line| line.strip_prefix(before));
        found.next().unwrap().to_owned()
    };
    (process, flags.iter().map(address).collect())
}

/// How a post of nothing is answered there.
async fn posted(address: &str, path: &str) -> StatusCode {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(format!("http://{address}{path}")).send().await;
    answer.unwrap().status()
}

#[tokio::test]
async fn strangers_reach_no_path_of_a_queue_or_of_the_time() {
    let (_process, addresses) = started(&["--listen", "--inside"]).await;
    let [outside, inside] = &addresses[..] else {
        panic!("{addresses:?}")
    };
    for path in ["/provision", "/provision/tick", "/report", "/retrybuilds"] {
        assert_eq!(posted(outside, path).await, StatusCode::NOT_FOUND, "{path}");
        assert_ne!(posted(inside, path).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_ne!(
        posted(outside, "/github-webhook").await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn without_an_address_of_their_own_they_are_nowhere() {
    let (_process, addresses) = started(&["--listen"]).await;
    assert_eq!(
        posted(&addresses[0], "/report").await,
        StatusCode::NOT_FOUND
    );
}
