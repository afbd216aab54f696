//! One git process: a deadline, bounded output, nobody is asked, no hook runs, and it dies with whoever waits for it.

use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::error::{GitError, redact};

/// How much of git's complaints is kept.
const COMPLAINT: usize = 2000;

/// Settings that win over those of the user and of the repository.
const SETTINGS: [&str; 10] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.interactive=false",
    "fetch.prune=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "log.showSignature=false",
    "maintenance.auto=false",
    "protocol.version=2",
    "tar.umask=0022",
];

/// What would make git look at another repository than the one named. A farm may be started from a hook.
const LEFT_OUT: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Without a terminal or an agent nobody answers; without optional locks a repository is only read.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
    ("GIT_ASKPASS", ""),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_PAGER", ""),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
    ("SSH_ASKPASS_REQUIRE", "never"),
];

/// A git command to be run.
pub(super) struct Git {
    what: String,
    command: Command,
    stdin: Vec<u8>,
    deadline: Duration,
    limit: usize,
}

/// How it ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    /// The end of what it said on standard error, without passwords.
    pub(super) complaint: String,
}

impl Git {
    /// `what` says for messages what is asked: `reading the heads of …`.
    pub(super) fn new(what: &str) -> Self {
        let mut command = Command::new("git");
        for name in LEFT_OUT {
            command.env_remove(name);
        }
        command.envs(ENVIRONMENT);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        // In a group of its own: a deadline ends its helpers too, and Ctrl-C does not reach it half-way.
        command.process_group(0).kill_on_drop(true);
        let deadline = Duration::from_secs(30);
        Self {
            what: redact(what),
            command,
            stdin: Vec::new(),
            deadline,
            limit: 16 << 20,
        }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// What it reads from standard input.
    pub(super) fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = bytes;
        self
    }

    /// How long it may take; half a minute unless said otherwise.
    pub(super) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How much output is read; 16 MiB unless said otherwise.
    pub(super) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Its output; a status other than 0 is an error.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let what = self.what.clone();
        let ended = self.end().await?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        let complaint = ended.complaint;
        let detail = if complaint.is_empty() {
            ended.status.to_string()
        } else {
            complaint
        };
        Err(GitError::Failed { what, detail })
    }

    /// How it ended, whatever its status.
    pub(super) async fn end(mut self) -> Result<Ended, GitError> {
        let mut running = self.spawn()?;
        let (what, limit, deadline) = (self.what, self.limit, self.deadline);
        let seconds = deadline.as_secs();
        match timeout(deadline, running.end(self.stdin, limit)).await {
            Ok(Ok(Some(ended))) => Ok(ended),
            Ok(Ok(None)) => Err(GitError::TooMuch { what, limit }),
            Ok(Err(error)) => Err(GitError::Failed {
                what,
                detail: error.to_string(),
            }),
            Err(_) => Err(GitError::Deadline { what, seconds }),
        }
    }

    /// Starts it with all three streams piped.
    pub(super) fn spawn(&mut self) -> Result<Running, GitError> {
        let piped = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(Running(piped.spawn().map_err(GitError::Start)?))
    }
}

/// A git process and its helpers: ended when it is dropped.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// None if it says more than `limit`.
    async fn end(&mut self, stdin: Vec<u8>, limit: usize) -> std::io::Result<Option<Ended>> {
        let feed = feed(self.0.stdin.take(), stdin);
        let stdout = read_all(self.0.stdout.take(), limit);
        let complaint = read_end(self.0.stderr.take());
        let ((), stdout, complaint) = tokio::try_join!(feed, stdout, complaint)?;
        let Some(stdout) = stdout else {
            return Ok(None);
        };
        let status = self.0.wait().await?;
        Ok(Some(Ended {
            status,
            stdout,
            complaint,
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // While it has not been waited for, its number is not another's.
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // It may just have ended by itself.
            let _ended = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

async fn feed(stdin: Option<impl AsyncWriteExt + Unpin>, bytes: Vec<u8>) -> std::io::Result<()> {
    let Some(mut stdin) = stdin else {
        return Ok(());
    };
    match stdin.write_all(&bytes).await {
        // It ended without reading: its status says why.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

async fn read_all(
    stream: Option<impl AsyncRead + Unpin>,
    limit: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        stream.take(most).read_to_end(&mut bytes).await?;
    }
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// Reads all and keeps the end, as text without passwords.
pub(super) async fn read_end(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let mut piece = [0; 4096];
        loop {
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            kept.extend_from_slice(&piece[..read]);
            kept.drain(..kept.len().saturating_sub(COMPLAINT));
        }
    }
    Ok(redact(String::from_utf8_lossy(&kept).trim()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(line: &str) -> Git {
        Git::new("testing")
            .arg("-c")
            .arg(format!("alias.x=!{line}"))
            .arg("x")
    }

    #[tokio::test]
    async fn a_deadline_ends_git_and_its_helpers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let line = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let begun = Instant::now();
        let error = shell(&line)
            .deadline(Duration::from_secs(1))
            .run()
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "testing: git did not end within 1 s and was stopped; is the source reachable?"
        );
        assert!(begun.elapsed() < Duration::from_secs(20));
        let helper: i32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let gone = || match std::fs::read_to_string(format!("/proc/{helper}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => nix::sys::signal::kill(Pid::from_raw(helper), None).is_err(),
        };
        while !gone() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "the helper still runs"
            );
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn output_is_bounded() {
        let error = shell("yes").limit(1000).run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "testing: git answered with more than 1000 bytes"
        );
    }

    #[tokio::test]
    async fn a_complaint_is_cut_to_its_end_and_told() {
        let error =
            shell("i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo line $i >&2; done; false")
                .run()
                .await;
        let text = error.unwrap_err().to_string();
        assert!(
            text.len() < COMPLAINT + 20 && text.ends_with("line 1000"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn the_repository_of_a_hook_is_not_ours() {
        let git = Git::new("testing")
            .args(["rev-parse", "--git-dir"])
            .arg("--local-env-vars");
        let said = String::from_utf8(git.run().await.unwrap()).unwrap();
        for name in [
            "GIT_DIR",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_WORK_TREE",
        ] {
            assert!(said.contains(name) && LEFT_OUT.contains(&name), "{name}");
        }
    }
}
