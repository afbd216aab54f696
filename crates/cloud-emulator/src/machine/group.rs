//! A process group that does not outlive us.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};

/// Leads the group. It runs its arguments and ends as they do; meanwhile a second process reads from a pipe whose other end
/// we hold, and kills the group when that closes: kill -9 of this process closes it too. That `TERM` is ignored comes after
/// the start of the program, which is to hear it.
const GUARD: &str = r#"exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
trap '' TERM
{ cat <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
wait "$program""#;
/// Where programs are found if we do not know better.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a machine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The working directory; made if need be.
    pub(crate) folder: PathBuf,
    /// Program and arguments.
    pub(crate) words: Vec<String>,
    /// All of its environment, but for `PATH` and `HOME`, which is the folder.
    pub(crate) environment: Vec<(String, String)>,
    /// The file that its output is appended to.
    pub(crate) log: PathBuf,
}

/// A program that runs with all its children; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
    id: Pid,
    gone: bool,
    /// While it is open, one process of the group waits for its end: so the group's number is nobody else's.
    _tie: Option<ChildStdin>,
}

impl Group {
    /// Starts the program.
    pub(crate) fn start(program: &Program) -> io::Result<Self> {
        std::fs::create_dir_all(&program.folder)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(&program.log)?;
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "machine"]).args(&program.words);
        command
            .current_dir(&program.folder)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", &program.folder)
            .envs(program.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let mut leader = command.spawn()?;
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        let id = id.ok_or_else(|| io::Error::other("the machine ended as it began"))?;
        Ok(Self {
            _tie: leader.stdin.take(),
            leader,
            id: Pid::from_raw(id),
            gone: false,
        })
    }

    /// Its number.
    pub(crate) fn id(&self) -> i32 {
        self.id.as_raw()
    }

    /// Waits until the program has ended.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait().await
    }

    /// Asks all of it to end.
    pub(crate) fn terminate(&self) {
        let _gone_already = killpg(self.id, Signal::SIGTERM);
    }

    /// kill -9 of all of it; returns when its leader is gone.
    pub(crate) async fn kill(mut self) {
        let _gone_already = killpg(self.id, Signal::SIGKILL);
        self.gone = true;
        let _waited_for_before = self.leader.wait().await;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The number of one that is gone may be another's.
        if !self.gone {
            let _gone_already = killpg(self.id, Signal::SIGKILL);
        }
    }
}
