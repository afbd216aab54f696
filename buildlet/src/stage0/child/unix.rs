//! Unix: a signal tells a process to end.

use std::io;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// A process that runs.
pub(super) struct Started(pub Child);

/// Starts it.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(command: &mut Command) -> io::Result<Started> {
    command.spawn().map(Started)
}

impl Started {
    /// Tells it to end.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn tell(&self) -> io::Result<()> {
        let number = self.0.id().and_then(|number| i32::try_from(number).ok());
        match number {
            Some(number) => Ok(kill(Pid::from_raw(number), Signal::SIGTERM)?),
            None => Ok(()),
        }
    }
}
