//! A commit's tree as a tar, while git makes it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::ChildStdout;
use tokio::time::Sleep;

use super::command::{Git, Running, read_end};
use super::error::GitError;

/// How long a machine may take to swallow it.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

type Ending = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// A tar that is being made. It ends cleanly only if git did: a failure half-way is an error of the last read. Dropping
/// it ends git.
pub struct Archive {
    stdout: ChildStdout,
    ending: Ending,
    ended: Option<Result<(), String>>,
    deadline: Pin<Box<Sleep>>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// `git` is complete but for the start.
    pub(super) fn start(mut git: Git) -> Result<Self, GitError> {
        let mut running = git.spawn()?;
        drop(running.0.stdin.take());
        let Some(stdout) = running.0.stdout.take() else {
            return Err(GitError::Start(io::Error::other("its output is not piped")));
        };
        let ending = Box::pin(end(running));
        Ok(Self {
            stdout,
            ending,
            ended: None,
            deadline: Box::pin(tokio::time::sleep(DEADLINE)),
        })
    }
}

/// Hears git's complaints out, then learns how it ended.
async fn end(mut running: Running) -> io::Result<()> {
    let complaint = read_end(running.0.stderr.take()).await?;
    let status = running.0.wait().await?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "git archive: {status}: {complaint}"
    )))
}

impl AsyncRead for Archive {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            let text = format!(
                "git archive was not read to its end within {} s",
                DEADLINE.as_secs()
            );
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
        }
        if self.ended.is_none()
            && let Poll::Ready(ended) = self.ending.as_mut().poll(cx)
        {
            self.ended = Some(ended.map_err(|error| error.to_string()));
        }
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.stdout).poll_read(cx, buf))?;
        if buf.filled().len() > before || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match &self.ended {
            None => Poll::Pending,
            Some(Ok(())) => Poll::Ready(Ok(())),
            Some(Err(text)) => Poll::Ready(Err(io::Error::other(text.clone()))),
        }
    }
}
