//! Commands and all that they start.
//!
//! A command ends with everything it started: when the client goes, when the session with the hub ends, when this process
//! is asked to end, and when this process is killed. How, is the system's business: sessions, process groups and a guard
//! process on Unix, a job object on Windows.

mod output;
mod program;

#[cfg(unix)]
#[path = "unix/mod.rs"]
mod system;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod system;

pub use output::Running;
pub use program::Program;
pub use system::{be_guard, process_state};

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use system::Starter;

/// How to run this program again as the guard, where the system has need of one.
#[derive(Debug, Clone)]
#[cfg_attr(
    windows,
    expect(dead_code, reason = "there the system itself is the guard")
)]
pub struct GuardCommand {
    /// The program.
    pub exe: PathBuf,
    /// Its arguments, `--guard` included.
    pub args: Vec<OsString>,
}

/// Starts commands and knows how many live.
pub struct Processes {
    starter: Starter,
    living: Arc<watch::Sender<usize>>,
}

impl Processes {
    /// `guard` is how this program is run again as the guard; it starts with the first command.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new(guard: GuardCommand) -> io::Result<Self> {
        Ok(Self {
            starter: Starter::new(guard)?,
            living: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Starts a program. Its output must be read; dropping what is returned kills it and all that it started.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub async fn start(&self, program: Program) -> Result<Running, NotStarted> {
        program.check_dir()?;
        let living = Living::new(self.living.clone());
        self.starter.start(program, living).await
    }

    /// The process numbers of commands that live, ascending.
    #[must_use]
    pub fn living(&self) -> Vec<u32> {
        self.starter.living()
    }

    /// Waits until no command lives, at most for `limit`; whether that is so.
    pub async fn idle(&self, limit: Duration) -> bool {
        let mut living = self.living.subscribe();
        let idle = living.wait_for(|count| *count == 0);
        matches!(tokio::time::timeout(limit, idle).await, Ok(Ok(_)))
    }
}

/// Why a program does not run.
#[derive(Debug)]
pub enum NotStarted {
    /// Nothing can be started by that name.
    Command {
        /// Why, in the words of `Process-State`.
        text: String,
        /// Why, in a word.
        cause: Cause,
    },
    /// This machine lacks what every command needs: that must not count as the command's failure.
    Machine(io::Error),
}

impl NotStarted {
    /// From the error of starting the program `name`.
    fn of(error: io::Error, name: &str) -> Self {
        match system::cause(&error) {
            None => Self::Machine(error),
            Some(cause) => Self::Command {
                text: format!("fork/exec {name}: {}", system::error_text(&error)),
                cause,
            },
        }
    }
}

/// Why a command cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no such file, or what it is to be run by is missing.
    NotFound,
    /// It may not be run.
    Permission,
    /// The working directory is none.
    BadDir,
    /// It is no program, or its arguments are none.
    Invalid,
}

impl Cause {
    /// For programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Permission => "permission",
            Self::BadDir => "bad-dir",
            Self::Invalid => "invalid",
        }
    }
}

/// Counts as one living command.
struct Living(Arc<watch::Sender<usize>>);

impl Living {
    fn new(count: Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
