//! Commands and their whole process groups.
//!
//! Each command leads a session of its own. It ends with its group and, on Linux, with all others of its session: when
//! the client goes, when the session with the hub ends, when this process is asked to end, and, through the [`guard`],
//! when this process is killed.

mod forker;
pub mod guard;
mod image;
mod os;
mod output;
mod program;
mod state;
mod waiter;

pub use output::Running;
pub use program::Program;
pub use state::process_state;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;

use forker::{Forked, Forker};
use guard::{Guard, GuardCommand};

/// Starts commands and knows how many live.
pub struct Processes {
    forker: Forker,
    guard: Arc<Guard>,
    living: Arc<watch::Sender<usize>>,
}

impl Processes {
    /// `guard` is how this program is run again as the guard; it starts with the first command.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new(guard: GuardCommand) -> io::Result<Self> {
        let guard = Arc::new(Guard::new(guard));
        Ok(Self {
            forker: Forker::new()?,
            guard,
            living: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Starts a program. Its output must be read; dropping what is returned kills its group.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub async fn start(&self, program: Program) -> Result<Running, NotStarted> {
        program.check_dir()?;
        let forked = self.fork(program).await?;
        let living = Living::new(self.living.clone());
        waiter::watch(forked, self.guard.clone(), living).map_err(NotStarted::Machine)
    }

    /// A guard may be dying while it still looks alive: with another one it is tried again.
    async fn fork(&self, program: Program) -> Result<Forked, NotStarted> {
        let name = program.path.display().to_string();
        let pipe = self.guard.pipe().map_err(NotStarted::Machine)?;
        let forked = self.forker.fork(program.clone(), pipe.clone()).await;
        let forked = match forked {
            Err(error) if error.raw_os_error() == Some(Errno::EPIPE as i32) => {
                self.guard.give_up(&pipe);
                let pipe = self.guard.pipe().map_err(NotStarted::Machine)?;
                self.forker.fork(program, pipe).await
            }
            forked => forked,
        };
        forked.map_err(|error| NotStarted::from_fork(error, &name))
    }

    /// The process numbers of commands that live.
    #[must_use]
    pub fn living(&self) -> Vec<i32> {
        self.guard.leaders()
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
    fn from_fork(error: io::Error, name: &str) -> Self {
        use Errno::{EAGAIN, EMFILE, ENFILE, ENOMEM, EPIPE, ESRCH};
        match error.raw_os_error().map(Errno::from_raw) {
            None | Some(EAGAIN | EMFILE | ENFILE | ENOMEM | EPIPE | ESRCH) => Self::Machine(error),
            Some(errno) => Self::Command {
                text: format!("fork/exec {name}: {}", state::errno_text(&error)),
                cause: Cause::of(errno),
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
    fn of(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => Self::NotFound,
            Errno::EACCES | Errno::EPERM => Self::Permission,
            _ => Self::Invalid,
        }
    }

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

/// A process group that was led by a child of ours, which leads a session too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Group(i32);

impl Group {
    /// Kills everything in it and in its session. An empty one is none any more.
    fn kill(self) {
        if let Err(error) = killpg(Pid::from_raw(self.0), Signal::SIGKILL)
            && error != Errno::ESRCH
        {
            tracing::warn!(group = self.0, %error, "cannot kill a process group");
        }
        os::kill_other_groups(Pid::from_raw(self.0));
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
