//! One `git cat-file --batch` that stays while a repository is busy: a question is a round trip through a pipe instead of a
//! process. It only ever saves time: whatever goes wrong with it, a process of its own is asked instead.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::command::{Git, Running};
use super::error::GitError;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Of a line, in bytes: an object's name, type and size, or what was asked and is missing.
const LINE: u64 = 8 << 10;

/// An object, if there is one of that name.
pub(super) enum Answer {
    /// No object has this name.
    Missing,
    /// Its type and content.
    Object(String, Vec<u8>),
    /// It is larger than was asked for; its content is lost, and so is the process.
    TooLarge,
}

/// The process and its pipes.
pub(super) struct Objects {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    _running: Running,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Objects {
    /// `git` is complete but for the command.
    pub(super) fn start(git: Git) -> Result<Self, GitError> {
        let mut running = git.args(["cat-file", "--batch"]).spawn()?;
        // Nobody reads it: a git that has much to complain of ends, and is replaced by one whose complaints are read.
        drop(running.0.stderr.take());
        match (running.0.stdin.take(), running.0.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self {
                stdin,
                stdout: BufReader::new(stdout),
                _running: running,
            }),
            _ => Err(GitError::Start(io::Error::other(
                "its streams are not piped",
            ))),
        }
    }

    /// The object of this name, of at most `limit` bytes.
    ///
    /// # Errors
    /// The process is of no more use.
    pub(super) async fn ask(&mut self, name: &str, limit: usize) -> io::Result<Answer> {
        if name.contains('\n') {
            return Err(io::Error::other("a name with a line break"));
        }
        timeout(DEADLINE, self.question(name, limit))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn question(&mut self, name: &str, limit: usize) -> io::Result<Answer> {
        self.stdin.write_all(format!("{name}\n").as_bytes()).await?;
        let mut line = String::new();
        let mut head = (&mut self.stdout).take(LINE);
        head.read_line(&mut line).await?;
        let other = || io::Error::other("an answer of another form");
        let line = line.strip_suffix('\n').ok_or_else(other)?;
        if line.ends_with(" missing") {
            return Ok(Answer::Missing);
        }
        let mut words = line.split(' ').skip(1);
        let (kind, size) = (
            words.next(),
            words.next().and_then(|size| size.parse().ok()),
        );
        let (kind, size): (&str, usize) = kind.zip(size).ok_or_else(other)?;
        if size > limit {
            return Ok(Answer::TooLarge);
        }
        let mut content = vec![0; size + 1];
        self.stdout.read_exact(&mut content).await?;
        match content.pop() {
            Some(b'\n') => Ok(Answer::Object(kind.to_owned(), content)),
            _ => Err(other()),
        }
    }
}
