//! The pipe that a command prints to: a named one, since the system's anonymous pipes cannot be waited for.

use std::fs::{File, OpenOptions};
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

/// What the system keeps of output that nobody read yet, as on Linux.
const BUFFER: u32 = 64 * 1024;

/// Where output is read from.
pub struct Output(NamedPipeServer);

/// Where it is written to: standard output and standard error, in one order.
pub struct Input(File, File);

impl Input {
    /// Standard output and standard error.
    pub fn ends(self) -> (Stdio, Stdio) {
        (self.0.into(), self.1.into())
    }
}

/// A pipe that nobody else has: it has one writer, whose end is open before this returns.
///
/// # Errors
/// The system has no more, or somebody else was faster.
pub async fn new() -> io::Result<(Output, Input)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!(r"\\.\pipe\buildlet-{}-{number}", std::process::id());
    let server = ServerOptions::new()
        .access_outbound(false)
        .first_pipe_instance(true)
        .reject_remote_clients(true)
        .max_instances(1)
        .in_buffer_size(BUFFER)
        .create(&name)?;
    let writer = OpenOptions::new().write(true).open(&name)?;
    let second = writer.try_clone()?;
    // Its writer is there: this does not wait, but nothing is read before it.
    server.connect().await?;
    Ok((Output(server), Input(writer, second)))
}

impl AsyncRead for Output {
    /// Ends when nobody has a writing end any more.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, buffer) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Poll::Ready(Ok(()))
            }
            polled => polled,
        }
    }
}
