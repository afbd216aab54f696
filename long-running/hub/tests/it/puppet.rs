//! A machine that answers as a test wants: registered by hand, word for word.

use std::sync::Arc;
use std::time::Duration;

use farm_wire::head::{read_answer, read_request};
use farm_wire::stream::{BoxStream, Connect};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;

use crate::harness::{Bench, PATIENCE};
use crate::peer::register;

/// What a puppet says to one request; then it closes the connection.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes.
    Bytes(String),
    /// Nothing: the connection stays open.
    Silence,
}

/// An answer with a body of known length.
pub fn answer(status: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// What a good machine says to `/status`.
pub fn alive() -> Reply {
    answer("200 OK", "{\"Version\":23}")
}

type Script = dyn Fn(&str) -> Reply + Send + Sync;

/// Connected as long as it is held.
pub struct Puppet {
    tasks: JoinSet<()>,
}

impl Puppet {
    /// Registers as `name`, and answers requests by their paths. Returns once it is let in.
    pub async fn start(
        b: &Bench,
        name: &str,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let door = b.way();
        let mut control = door.connect().await.unwrap();
        let request = register(name, "host-test", &b.key(name));
        control.write_all(request.as_bytes()).await.unwrap();
        let (head, control) = read_answer(control, PATIENCE).await.unwrap();
        assert_eq!(head.status, 101);
        let mut tasks = JoinSet::new();
        tasks.spawn(obey(Box::new(control), door, Arc::new(script)));
        Self { tasks }
    }

    /// Waits until the hub has closed the control connection.
    pub async fn dismissed(mut self) {
        let ended = tokio::time::timeout(PATIENCE, self.tasks.join_next()).await;
        ended.unwrap().unwrap().unwrap();
    }
}

/// Picks up every connection that the hub asks for, until it closes the control connection.
async fn obey(control: BoxStream, door: Arc<dyn Connect>, script: Arc<Script>) {
    let mut lines = BufReader::new(control).lines();
    let mut picked = JoinSet::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["command"] == "conn-ready" {
            let path = line["connPath"].as_str().unwrap().to_owned();
            picked.spawn(pick_up(path, door.clone(), Arc::clone(&script)));
        }
    }
}

async fn pick_up(path: String, door: Arc<dyn Connect>, script: Arc<Script>) {
    let mut stream = door.connect().await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: \r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let Ok((head, stream)) = read_answer(stream, PATIENCE).await else {
        return;
    };
    assert_eq!(head.status, 101);
    // A connection may wait for long for its request.
    let Ok((head, mut stream)) = read_request(stream, Duration::from_secs(600)).await else {
        return;
    };
    match script(head.path()) {
        Reply::Bytes(bytes) => {
            // All of the request first: a close with unread bytes would take the answer back.
            let length = head.headers.get("content-length");
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            drop(stream.read_exact(&mut body).await);
            drop(stream.write_all(bytes.as_bytes()).await);
            drop(stream.shutdown().await);
        }
        Reply::Silence => {
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
        }
    }
}
