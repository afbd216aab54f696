//! Buildbot, as `buildbot.sh` runs it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::machine;
use crate::ran::Ran;

/// Its start may include its installation, and that of as many interpreters as it has workers.
const START: Duration = Duration::from_secs(600);
const END: Duration = Duration::from_secs(60);

/// A running master with its workers.
#[derive(Debug)]
pub struct Peer {
    /// When its commands began.
    pub ran: Ran,
    url: String,
    processes: Vec<u32>,
    /// It ends when its standard input does.
    child: Child,
    changes: u32,
}

impl Peer {
    /// Starts one by `script`: every change is built by each of `builders`, on any of `workers`.
    pub async fn start(script: &Path, builders: usize, workers: usize) -> Self {
        let mut child = Command::new(script)
            .args(["run", &builders.to_string(), &workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut peer = Self {
            ran: Ran::new("".into()),
            url: String::new(),
            processes: Vec::new(),
            child,
            changes: 0,
        };
        loop {
            let line = timeout(START, lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("the peer is not ready after {START:?}"));
            let line = line.unwrap().unwrap_or_else(|| {
                panic!("the peer did not start: see above; {}", script.display())
            });
            match line.split_once(' ') {
                Some(("url", url)) => peer.url = url.to_owned(),
                Some(("ran", path)) => peer.ran = Ran::new(path.into()),
                Some(("process", id)) => peer.processes.push(id.parse().unwrap()),
                _ => return peer,
            }
        }
    }

    /// Tells it of one more change; the seconds since 1970 when that was sent.
    pub async fn change(&mut self) -> f64 {
        self.changes += 1;
        let body = format!(
            "author=a&comments=c&branch=main&revision={:040x}",
            self.changes
        );
        let request = farm_harness::client()
            .post(format!("{}/change_hook/base", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let sent = crate::ran::now();
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        sent
    }

    /// Proportional memory of all its processes, in kB.
    #[must_use]
    pub fn memory_kb(&self) -> u64 {
        let of = |id: &u32| machine::memory(*id, "Pss");
        self.processes.iter().map(of).sum()
    }

    /// Ends it, and waits for its end.
    pub async fn end(mut self) {
        drop(self.child.stdin.take());
        let ended = timeout(END, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("the peer does not end within {END:?}"))
            .unwrap();
    }
}
