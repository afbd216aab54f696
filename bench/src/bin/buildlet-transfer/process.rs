//! Our buildlet as a process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bench::machine::free_port;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// For a start on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A buildlet in direct mode without a password; killed when dropped.
pub struct Process {
    pub address: String,
    child: Child,
    _folder: TempDir,
}

impl Process {
    /// Returns when it answers.
    pub async fn start(program: &Path, scratch: &Path) -> Self {
        let folder = tempfile::tempdir_in(scratch).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(program)
            .args(["--listen", &address, "--workdir"])
            .arg(folder.path().join("work"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = Self {
            address,
            child,
            _folder: folder,
        };
        let began = Instant::now();
        while super::client(&process.address).status().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the buildlet does not answer");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        process
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// How long it takes from the start of the process to the first answer, in ms, so many times.
pub async fn starts(program: &Path, scratch: &Path, times: u32) -> Vec<f64> {
    let mut took = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        let process = Process::start(program, scratch).await;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        process.stop().await;
    }
    took
}
