//! Unix: each command leads a session of its own. It ends with its group and, on Linux, with all others of its session; a
//! process that starts a session of its own (a daemon) escapes. The [`guard`] ends them when this process is killed.

mod forker;
mod guard;
mod image;
mod session;
mod state;
mod waiter;

pub use state::process_state;
pub(super) use state::{cause, error_text};

use std::io;
use std::sync::Arc;

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe;

use super::{GuardCommand, Living, NotStarted, Program, Running};
use forker::{Forked, Forker};
use guard::Guard;

/// Where output is read from.
pub(super) type Output = pipe::Receiver;

/// The whole life of a process that is the guard of another one. There is nothing else in it to wait for: no thread is
/// needed.
///
/// # Errors
/// Its input fails.
pub fn be_guard() -> anyhow::Result<()> {
    guard::watch(io::stdin().lock()).context("the guard cannot read")
}

/// Starts commands.
pub(super) struct Starter {
    forker: Forker,
    guard: Arc<Guard>,
}

impl Starter {
    pub fn new(guard: GuardCommand) -> io::Result<Self> {
        Ok(Self {
            forker: Forker::new()?,
            guard: Arc::new(Guard::new(guard)),
        })
    }

    pub async fn start(&self, program: Program, living: Living) -> Result<Running, NotStarted> {
        let forked = self.fork(program).await?;
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
        forked.map_err(|error| NotStarted::of(error, &name))
    }

    pub fn living(&self) -> Vec<u32> {
        self.guard.leaders()
    }
}

/// A process group that was led by a child of ours, which leads a session too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group(i32);

impl Group {
    /// Kills everything in it and in its session. An empty one is none any more.
    pub fn kill(&self) {
        if let Err(error) = killpg(Pid::from_raw(self.0), Signal::SIGKILL)
            && error != Errno::ESRCH
        {
            tracing::warn!(group = self.0, %error, "cannot kill a process group");
        }
        session::kill_other_groups(Pid::from_raw(self.0));
    }
}
