//! Starting an SSH server, where nobody else does (`buildlet.md` 9.6).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

/// A system with so many processes is more than our container.
const FEW_PROCESSES: usize = 4;

/// What tells our container, and how a server is run in it.
pub(super) struct Server {
    /// `/proc`.
    pub processes: PathBuf,
    /// Only our images have it.
    pub stage0: PathBuf,
    pub program: PathBuf,
    /// The server wants it.
    pub run_dir: PathBuf,
    port: String,
}

impl Server {
    pub fn of_system(address: &str) -> Self {
        Self {
            processes: "/proc".into(),
            stage0: "/usr/local/bin/stage0".into(),
            program: "/usr/sbin/sshd".into(),
            run_dir: "/var/run/sshd".into(),
            port: address.rsplit(':').next().unwrap_or_default().to_owned(),
        }
    }

    /// Starts it if this is our container, or a NetBSD, whose images start none. Killed when dropped.
    pub async fn start(&self) -> Option<Child> {
        if cfg!(target_os = "netbsd") {
            return run("/etc/rc.d/sshd".as_ref(), &["start".as_ref()]).await;
        }
        if !self.in_our_container() {
            return None;
        }
        if let Err(error) = std::fs::create_dir_all(&self.run_dir) {
            tracing::warn!(%error, dir = %self.run_dir.display(), "cannot be made for the SSH server");
        }
        if cfg!(target_arch = "arm") {
            let mut keys = run("/usr/bin/ssh-keygen".as_ref(), &["-A".as_ref()]).await?;
            // What it could not make the server will miss.
            let _ = keys.wait().await;
        }
        let args = ["-D", "-p", &self.port].map(OsStr::new);
        run(&self.program, &args).await
    }

    fn in_our_container(&self) -> bool {
        let is_process = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let entries = std::fs::read_dir(&self.processes)
            .into_iter()
            .flatten()
            .flatten();
        let processes = entries
            .filter(|entry| is_process(&entry.file_name()))
            .count();
        let is_image = self
            .stage0
            .symlink_metadata()
            .is_ok_and(|found| found.is_file());
        (1..FEW_PROCESSES).contains(&processes) && is_image
    }
}

/// With an empty environment: ours may hold secrets.
async fn run(program: &Path, args: &[&OsStr]) -> Option<Child> {
    let spawned = Command::new(program)
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match spawned {
        Ok(child) => {
            tracing::info!(program = %program.display(), "started for SSH");
            Some(child)
        }
        Err(error) => {
            tracing::warn!(%error, program = %program.display(), "cannot be started for SSH");
            None
        }
    }
}
