//! A buildlet as a process of its own, and the hub that it dialed.

use std::fs::{File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;
use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;

use crate::hub::{Dialed, Hub};
use crate::peer::{Answer, bare, post, with_body};
pub use crate::waiting::{until, within};

pub const BUILDLET: &str = env!("CARGO_BIN_EXE_buildlet");

/// Killed when dropped.
pub struct Buildlet {
    child: Child,
    folder: TempDir,
}

impl Buildlet {
    /// Its work dir is `work` in the folder.
    pub fn spawn(folder: TempDir, args: &[&str], _: &[(&str, &str)]) -> Self {
        let work = folder.path().join("work").to_str().unwrap().to_owned();
        Self::run(folder, &[&["--workdir", &work], args].concat())
    }

    /// In a group of processes of its own. Its log is `log` in the folder.
    pub fn run(folder: TempDir, args: &[&str]) -> Self {
        let child = Command::new(BUILDLET)
            .args(args)
            .creation_flags(CREATE_NEW_PROCESS_GROUP)
            .stdin(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn();
        Self {
            child: child.unwrap(),
            folder,
        }
    }

    /// Ends it as nothing can that it could answer.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
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

/// A machine that registered.
pub struct Machine {
    hub: Hub,
    control: Dialed,
    buildlet: Buildlet,
    dialed: u32,
}

impl Machine {
    pub async fn start() -> Self {
        let hub = Hub::start().await;
        let buildlet = hub.machine();
        let control = hub.registered().await;
        Self {
            hub,
            control,
            buildlet,
            dialed: 0,
        }
    }

    /// Absolute, as the machine has it too.
    pub fn work_dir(&self) -> PathBuf {
        self.buildlet.folder.path().join("work")
    }

    /// A connection to it.
    pub async fn dial(&mut self) -> Dialed {
        self.dialed += 1;
        let path = format!("/revdial?{}", self.dialed);
        self.hub.picked_up(&mut self.control, &path).await
    }

    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.dial().await.ask(request).await
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.ask(bare("GET", target)).await
    }

    /// A file in the work dir, lines ended as the command interpreter wants them.
    pub async fn write(&mut self, name: &str, text: &str) {
        let target = format!("/write?path={name}&mode=493");
        let text = text.replace('\n', "\r\n");
        let answer = self.ask(with_body("PUT", &target, text.as_bytes())).await;
        assert_eq!(answer.said(), (200, "OK"));
    }

    pub async fn exec(&mut self, pairs: &[(&str, &str)]) -> Answer {
        self.ask(post("/exec", pairs)).await
    }

    /// Ends it as nothing can that it could answer.
    pub fn kill(&mut self) {
        self.buildlet.kill();
    }

    pub fn pid(&self) -> u32 {
        self.buildlet.child.id()
    }

    /// What it ended with, once it did.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut status: Option<ExitStatus> = None;
        until("the buildlet's end", || {
            status = self.buildlet.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap().code()
    }

    /// Asks it to end, and accounts.
    pub async fn end(mut self) {
        let answer = self.ask(post("/halt", &[])).await;
        assert_eq!(answer.status, 200);
        assert_eq!(self.ended().await, Some(0), "{}", self.buildlet.log());
    }
}

/// Opens a file for oneself alone, which succeeds only where nobody else has it open.
pub fn alone(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).share_mode(0).open(path)
}

/// Whether a process has this file open. One that is not there nobody has.
pub fn is_held(path: &Path) -> bool {
    path.exists() && alone(path).is_err()
}
