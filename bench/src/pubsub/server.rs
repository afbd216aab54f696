//! An emulator as a process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::Wire;
use crate::machine;

/// For the start of a virtual machine on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries to connect: rare enough to leave the CPU to who starts.
const BETWEEN: Duration = Duration::from_micros(500);

/// Which emulator, in which mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ours: an answered publish is on disk.
    Durable,
    /// Ours with `--memory`.
    Memory,
    /// Google's, which keeps everything in memory.
    Google,
}

impl Kind {
    /// As it stands in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Durable => "ours, durable",
            Self::Memory => "ours, --memory",
            Self::Google => "Google's",
        }
    }
}

/// What is run.
#[derive(Debug, Clone)]
pub struct Program {
    /// How.
    pub kind: Kind,
    /// The binary, or Google's script.
    pub path: PathBuf,
}

impl Program {
    fn command(&self, port: u16, data: &Path) -> Command {
        let mut command = Command::new(&self.path);
        match self.kind {
            Kind::Durable => {
                command.arg("--data").arg(data);
                command.args(["--listen", &format!("127.0.0.1:{port}")]);
            }
            Kind::Memory => {
                command.args(["--memory", "--listen", &format!("127.0.0.1:{port}")]);
            }
            Kind::Google => {
                command.args(["--host=127.0.0.1", &format!("--port={port}")]);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// A running emulator; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// How it runs.
    pub kind: Kind,
    /// Host and port.
    pub address: String,
    program: Program,
    port: u16,
    child: Child,
    data: TempDir,
}

impl Server {
    /// Starts one on a free port; its data folder, if it has one, is made in `scratch`. It need not answer yet.
    ///
    /// # Panics
    /// The program cannot be run.
    #[must_use]
    pub fn spawn(program: &Program, scratch: &Path) -> Self {
        let port = machine::free_port();
        let data = tempfile::tempdir_in(scratch).unwrap();
        let child = program.command(port, data.path()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("cannot run {}: {error}", program.path.display()));
        Self {
            kind: program.kind,
            address: format!("127.0.0.1:{port}"),
            program: program.clone(),
            port,
            child,
            data,
        }
    }

    /// Waits until it takes connections.
    ///
    /// # Panics
    /// It does not within a minute.
    pub async fn listening(&self) {
        let began = Instant::now();
        while TcpStream::connect(&self.address).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "{} is silent", self.kind.name());
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Starts one and returns when it has taken a first message; says how long that took from the start of the process.
    pub async fn ready(program: &Program, scratch: &Path) -> (Self, Duration) {
        let began = Instant::now();
        let server = Self::spawn(program, scratch);
        server.takes_a_message().await;
        (server, began.elapsed())
    }

    /// Kills it, runs it again, and says how long it took from the start of the process to a first answered publish.
    pub async fn restarted(&mut self) -> Duration {
        self.kill().await;
        let began = Instant::now();
        self.again();
        self.takes_a_message().await;
        began.elapsed()
    }

    async fn takes_a_message(&self) {
        self.listening().await;
        let mut wire = Wire::connect(&self.address).await;
        let topic = wire.topic().await;
        wire.publish(&topic, vec![super::wire::message()]).await;
    }

    /// Kills it with `SIGKILL`, and waits for its end.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Runs it again after [`Server::kill`]: same port, same data.
    pub fn again(&mut self) {
        let mut command = self.program.command(self.port, self.data.path());
        self.child = command.spawn().unwrap();
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}
