//! Another framework, as `functions-framework.sh` runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use bench::machine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// Longer than any takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked whether it is there.
const ASK: Duration = Duration::from_millis(1);

/// One of them.
pub struct Peer {
    pub name: &'static str,
    script: PathBuf,
}

impl Peer {
    /// Those that the script knows.
    pub fn all(script: &Path) -> Vec<Self> {
        let peer = |name| Self {
            name,
            script: machine::program(script),
        };
        ["python", "node"].map(peer).into()
    }

    /// Milliseconds until it has answered one request.
    pub async fn start(&self) -> f64 {
        let port = machine::free_port();
        let began = Instant::now();
        let mut process = Command::new(&self.script)
            .arg(self.name)
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let answer = async {
            while !is_answered(port).await {
                sleep(ASK).await;
            }
        };
        tokio::select! {
            answered = timeout(PATIENCE, answer) => answered.unwrap_or_else(|_| panic!("{} does not answer", self.name)),
            ended = process.wait() => panic!("{} ended ({}): is it installed?", self.name, ended.unwrap()),
        }
        let took = began.elapsed().as_secs_f64() * 1e3;
        process.kill().await.unwrap();
        took
    }
}

async fn is_answered(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200 ")
}
