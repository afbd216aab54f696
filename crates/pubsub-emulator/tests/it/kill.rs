//! The real process: killed in the middle of its work, and short of disk.

use std::collections::HashSet;
use std::path::Path;
use std::process::Stdio;

use farm_pubsub_emulator::Options;
use google_cloud_pubsub::model::{Message, Subscription};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{PATIENCE, SUB, Server, TOPIC, publisher, texts};

const BINARY: &str = env!("CARGO_BIN_EXE_pubsub-emulator");

/// Starts the process; returns it with the URL that it prints.
pub async fn start(mut command: Command) -> (Child, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .unwrap();
    let line = line.unwrap().expect("the process prints its address");
    let address = line
        .strip_prefix("PUBSUB_EMULATOR_HOST=")
        .unwrap()
        .to_owned();
    (child, format!("http://{address}"))
}

pub fn binary(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder);
    command
}

async fn set_up(folder: &Path) {
    let server = Server::start(Options::durable(folder)).await;
    server.set_up(Subscription::new()).await;
    server.stop().await;
}

async fn delivered(folder: &Path, at_least: usize) -> HashSet<String> {
    let server = Server::start(Options::durable(folder)).await;
    let mut stream = server.stream(SUB).await;
    let all = texts(&mut stream, at_least).await.into_iter().collect();
    server.stop().await;
    all
}

#[tokio::test]
async fn every_answered_publish_outlives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path()).await;
    let mut answered = HashSet::new();
    for round in 0..3 {
        let (mut child, url) = start(binary(folder.path())).await;
        let publisher = publisher(&url, TOPIC).await;
        let mut waiting = Vec::new();
        for n in 0..2000 {
            let text = format!("{round}-{n}");
            waiting.push((
                text.clone(),
                publisher.publish(Message::new().set_data(text)),
            ));
        }
        for (n, (text, answer)) in waiting.into_iter().enumerate() {
            if n == 700 {
                // SIGKILL, with more than a thousand publishes not answered yet.
                child.start_kill().unwrap();
                child.wait().await.unwrap();
            }
            let patience = if n < 700 {
                PATIENCE
            } else {
                std::time::Duration::from_millis(200)
            };
            match tokio::time::timeout(patience, answer).await {
                Ok(Ok(_)) => answered.insert(text),
                // The client tries again and again: nothing more will come of this one.
                _ if n >= 700 => break,
                other => panic!("{text}: {other:?}"),
            };
        }
    }
    assert!(answered.len() >= 2100);
    let delivered = delivered(folder.path(), answered.len()).await;
    let missing: Vec<_> = answered.difference(&delivered).collect();
    // More may be there than was answered; then the first so many are not all of the answered.
    if !missing.is_empty() {
        let rest = everything_else(folder.path()).await;
        assert!(
            missing.iter().all(|text| rest.contains(*text)),
            "{missing:?}"
        );
    }
}

async fn everything_else(folder: &Path) -> HashSet<String> {
    let server = Server::start(Options::durable(folder)).await;
    let mut all = HashSet::new();
    loop {
        let pulled = server.pull(SUB).await;
        if pulled.is_empty() {
            break;
        }
        all.extend(pulled.into_iter().map(|(_, text, _)| text));
    }
    server.stop().await;
    all
}

#[tokio::test]
async fn a_publish_that_cannot_be_written_is_refused_and_the_emulator_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path()).await;
    // A limit on the size of files makes writing fail as a full disk does.
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 64; exec \"$@\"",
            "sh",
            BINARY,
        ])
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path());
    let (mut child, url) = start(limited).await;
    let http = crate::harness::client();
    let mut answered = Vec::new();
    let mut refused = 0;
    for n in 0..30 {
        let data = "eHh4".repeat(1500);
        let body = serde_json::json!({ "messages": [{ "data": data }] }).to_string();
        let post = http.post(format!("{url}/v1/{TOPIC}:publish")).body(body);
        let answer = post.send().await.unwrap();
        match answer.status().as_u16() {
            200 => answered.push(n),
            503 => {
                let text = answer.text().await.unwrap();
                assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(
        !answered.is_empty() && refused > 0,
        "{answered:?} {refused}"
    );
    let small = serde_json::json!({ "messages": [{ "data": "eA==" }] }).to_string();
    let post = http.post(format!("{url}/v1/{TOPIC}:publish")).body(small);
    assert_eq!(
        post.send().await.unwrap().status(),
        200,
        "what still fits is taken"
    );
    child.kill().await.unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    assert_eq!(server.pull(SUB).await.len(), answered.len() + 1);
    server.stop().await;
}
