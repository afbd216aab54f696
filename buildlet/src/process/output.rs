//! A running command's output and end.

use std::io;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::{Instant, sleep_until};

use super::system::{Group, Output};

/// How long a process that the command left behind may hold its output open.
const GRACE: Duration = Duration::from_secs(2);
/// The same after all of the group was killed: whoever still holds it left the group.
const LAST_GRACE: Duration = Duration::from_secs(1);
/// How much a process left behind may still print.
const LATE_OUTPUT: usize = 16 * 1024 * 1024;

/// A command that runs. Dropping it kills its group; it is reaped in any case.
pub struct Running {
    group: Group,
    output: Output,
    exit: oneshot::Receiver<()>,
    left: Option<Leftover>,
    /// Used or dropped, it lets the waiter kill what is left and reap.
    release: Option<mpsc::Sender<()>>,
    end: oneshot::Receiver<io::Result<ExitStatus>>,
}

/// What may still come after the command itself has ended.
struct Leftover {
    until: Instant,
    bytes: usize,
    killed: bool,
}

impl Running {
    pub(super) fn new(
        group: Group,
        output: Output,
        exit: oneshot::Receiver<()>,
        release: mpsc::Sender<()>,
        end: oneshot::Receiver<io::Result<ExitStatus>>,
    ) -> Self {
        Self {
            group,
            output,
            exit,
            left: None,
            release: Some(release),
            end,
        }
    }

    /// The next output, stdout and stderr as they came; 0 at the end, which is when nobody can print any more, or when a
    /// process left behind had its time. Cancel-safe.
    ///
    /// # Errors
    /// The pipe failed.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked first: output that never pauses must not hide the end.
            if self.left.is_none() && self.exit.try_recv() != Err(TryRecvError::Empty) {
                self.exited_now();
            }
            let until = self.left.as_ref().map(|left| left.until);
            tokio::select! {
                biased;
                read = self.output.read(buffer) => {
                    let length = read?;
                    return Ok(if self.take(length) { length } else { 0 });
                }
                // Resolves once; after it `left` is set.
                _ = &mut self.exit, if until.is_none() => self.exited_now(),
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if !self.cut() {
                        return Ok(0);
                    }
                }
            }
        }
    }

    /// Counts late output; false when there was too much even after the group was killed.
    fn take(&mut self, length: usize) -> bool {
        let Some(left) = &mut self.left else {
            return true;
        };
        left.bytes = left.bytes.saturating_sub(length);
        left.bytes > 0 || self.cut()
    }

    /// Kills what is left of the group, once; false the second time.
    fn cut(&mut self) -> bool {
        match &mut self.left {
            Some(left) if !left.killed => {
                self.group.kill();
                *left = Leftover {
                    until: Instant::now() + LAST_GRACE,
                    bytes: LATE_OUTPUT,
                    killed: true,
                };
                true
            }
            _ => false,
        }
    }

    /// Kills the whole group.
    pub fn kill(&self) {
        self.group.kill();
    }

    /// Waits until the command itself has ended. Cancel-safe.
    pub async fn exited(&mut self) {
        if self.left.is_none() {
            drop((&mut self.exit).await);
            self.exited_now();
        }
    }

    fn exited_now(&mut self) {
        self.left = Some(Leftover {
            until: Instant::now() + GRACE,
            bytes: LATE_OUTPUT,
            killed: false,
        });
    }

    /// Reaps the command once it has ended; whatever is left of its group is killed.
    ///
    /// # Errors
    /// How it ended cannot be told.
    pub async fn wait(mut self) -> io::Result<ExitStatus> {
        self.exited().await;
        self.release = None;
        (&mut self.end)
            .await
            .map_err(|_| io::Error::other("the waiter is gone"))?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once released, the number may soon be another's, and the waiter kills.
        if self.release.is_some() {
            self.group.kill();
        }
    }
}
