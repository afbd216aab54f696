//! A buildlet as a process of its own.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::peer::{Answer, Peer, bare, post, with_body};
pub use crate::waiting::{until, within};

const BUILDLET: &str = env!("CARGO_BIN_EXE_buildlet");
/// A user without rights.
const NOBODY: u32 = 65534;

/// What every buildlet under test inherits.
pub const PATH: &str = "/usr/bin:/bin";

/// Killed when dropped.
pub struct Buildlet {
    child: Child,
    folder: TempDir,
    work: PathBuf,
    address: Option<SocketAddr>,
}

impl Buildlet {
    /// Serves directly.
    pub async fn start() -> Self {
        Self::direct(&[], &[]).await
    }

    /// Serves directly, with further arguments and variables.
    pub async fn direct(args: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["--listen", "127.0.0.1:0"], args].concat();
        let mut buildlet = Self::spawn(tempfile::tempdir().unwrap(), &args, env);
        buildlet.address = Some(buildlet.listening().await);
        buildlet
    }

    /// Any buildlet; its work dir is `work` in the folder, its log `log`.
    pub fn spawn(folder: TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(BUILDLET);
        command
            .env_clear()
            .envs([("PATH", PATH), ("HOME", "/home/of/nobody")])
            .envs(env.iter().copied());
        let work = folder.path().join("work");
        Self::run(command, folder, work, args).unwrap()
    }

    /// Serves directly, run by other programs, to whose arguments its own are added; those have what it needs.
    pub async fn run_by(program: &str, before: &[&str], work: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(before).arg(BUILDLET);
        let args = [&["--listen", "127.0.0.1:0"], args].concat();
        let folder = tempfile::tempdir().unwrap();
        let mut buildlet = Self::run(command, folder, work.to_owned(), &args).unwrap();
        buildlet.address = Some(buildlet.listening().await);
        buildlet
    }

    /// Serves directly, as a user whom file modes concern. `None`: the program lies where only root comes.
    pub async fn of_ordinary_user() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(BUILDLET);
        command.env_clear().env("PATH", PATH);
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        let (args, work) = (["--listen", "127.0.0.1:0"], folder.path().join("work"));
        let mut buildlet = match Self::run(command, folder, work, &args) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return None,
            run => run.unwrap(),
        };
        buildlet.address = Some(buildlet.listening().await);
        Some(buildlet)
    }

    fn run(
        mut command: Command,
        folder: TempDir,
        work: PathBuf,
        args: &[&str],
    ) -> std::io::Result<Self> {
        let child = command
            .arg("--workdir")
            .arg(&work)
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()?;
        Ok(Self {
            child,
            folder,
            work,
            address: None,
        })
    }

    /// Where it listens, as the system knows it.
    async fn listening(&mut self) -> SocketAddr {
        let pid = self.pid();
        let mut found = None;
        until("a listener", || {
            assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.log());
            found = listener_of(pid);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Absolute, links resolved.
    pub fn work_dir(&self) -> PathBuf {
        let (parent, name) = (self.work.parent().unwrap(), self.work.file_name().unwrap());
        parent.canonicalize().unwrap().join(name)
    }

    /// What a command may write to without touching the work dir.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.outside("log")).unwrap()
    }

    pub async fn dial(&self) -> Peer {
        let address = self.address.unwrap();
        Peer::new(
            within("dialing", TcpStream::connect(address))
                .await
                .unwrap(),
        )
    }

    pub async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        self.dial().await.ask(request).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.ask(bare("GET", target)).await
    }

    pub async fn post(&self, target: &str, pairs: &[(&str, &str)]) -> Answer {
        self.ask(post(target, pairs)).await
    }

    pub async fn put(&self, target: &str, body: &[u8]) -> Answer {
        self.ask(with_body("PUT", target, body)).await
    }

    /// An executable in the work dir.
    pub async fn script(&self, name: &str, text: &str) {
        let text = format!("#!/bin/sh\n{text}\n");
        let target = format!("/write?path={name}&mode=493");
        assert_eq!(self.put(&target, text.as_bytes()).await.said(), (200, "OK"));
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).unwrap();
    }

    /// How it ended, once it did.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the buildlet's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// Asks it to end and accounts: a clean end, nothing left behind.
    pub async fn end(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.ended().await;
        assert_eq!(
            (status.code(), status.signal()),
            (Some(0), None),
            "{}",
            self.log()
        );
        self.nothing_runs().await;
    }

    /// Waits until no command of this buildlet lives; they are known by their work dir.
    pub async fn nothing_runs(&self) {
        let mark = format!("WORKDIR={}\0", self.work_dir().display());
        until("the end of all commands", || commands(&mark).is_empty()).await;
    }

    /// The guard's process, if there is one.
    pub fn guard(&self) -> Option<u32> {
        processes().find(|pid| parent(*pid) == Some(self.pid()) && is_guard(*pid))
    }
}

impl Drop for Buildlet {
    #[expect(
        clippy::print_stderr,
        reason = "shown with the panic that it helps to understand"
    )]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the buildlet:\n{}", self.log());
        }
    }
}

/// Process numbers that a script wrote to this file, which it must have made at once.
pub async fn pids(file: &Path) -> Vec<u32> {
    until("process numbers", || file.exists()).await;
    let text = std::fs::read_to_string(file).unwrap();
    text.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

/// Waits until none of these processes lives.
pub async fn gone(pids: &[u32]) {
    assert!(!pids.is_empty());
    for pid in pids {
        until("the end of a process", || !lives(*pid)).await;
    }
}

/// A zombie has ended once its threads have; who reaps it is not our business.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let ended = |stat: String| stat.contains(") Z ") || stat.contains(") X ");
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads > 1 || !stat.map_or(true, ended)
}

/// A figure of `/proc/<pid>/<file>`, in kB.
pub fn kilobytes(pid: u32, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = value.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The process group.
pub fn group(pid: u32) -> u32 {
    stat(pid, 2).unwrap()
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)
}

/// A field of `/proc/<pid>/stat`, counted from the state.
fn stat(pid: u32, field: usize) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(field)?.parse().ok()
}

fn is_guard(pid: u32) -> bool {
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
    command.is_ok_and(|command| command.ends_with("\0--guard\0"))
}

/// Living processes with this variable.
fn commands(mark: &str) -> Vec<u32> {
    let marked = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
            && lives(*pid)
    };
    processes().filter(marked).collect()
}

/// The IPv4 address on which a process listens: a socket of its that the system's table has as listening.
pub fn listener_of(pid: u32) -> Option<SocketAddr> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let sockets: Vec<String> = links
        .filter_map(|link| {
            let target = std::fs::read_link(link.ok()?.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            Some(inode.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listening = fields.get(3) == Some(&"0A");
        if !listening
            || !sockets
                .iter()
                .any(|socket| Some(&socket.as_str()) == fields.get(9))
        {
            return None;
        }
        let (address, port) = fields[1].split_once(':')?;
        let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
        Some((address, u16::from_str_radix(port, 16).ok()?).into())
    })
}
