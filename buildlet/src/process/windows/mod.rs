//! Windows: each command is alone in a job object, and nothing that it starts can leave that. When this process ends, however
//! it does, the system closes the job and kills what is in it: there is no need of a guard.

mod pipe;
mod state;

pub(super) use pipe::Output;
pub use state::process_state;
pub(super) use state::{cause, error_text};

use std::collections::BTreeSet;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::bail;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;

use super::{GuardCommand, Living, NotStarted, Program, Running};
use crate::job::{Job, SUSPENDED};
use pipe::Input;

/// For what was killed to be gone. It is in any case, but who removes its files next should not have to wait.
const GONE: Duration = Duration::from_secs(2);

/// Who asks for a guard by hand is told that there is none.
///
/// # Errors
/// Always.
pub fn be_guard() -> anyhow::Result<()> {
    bail!("--guard: on Windows the system itself ends what a killed buildlet leaves behind");
}

/// Starts commands.
pub(super) struct Starter {
    living: Arc<Mutex<BTreeSet<u32>>>,
}

impl Starter {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "other systems need a thread for it"
    )]
    pub fn new(_: GuardCommand) -> io::Result<Self> {
        Ok(Self {
            living: Arc::default(),
        })
    }

    pub async fn start(&self, program: Program, living: Living) -> Result<Running, NotStarted> {
        let name = program.path.display().to_string();
        let (output, input) = pipe::new().await.map_err(NotStarted::Machine)?;
        let spawned = tokio::task::spawn_blocking(move || spawn(&program, input)).await;
        let spawned = spawned.map_err(io::Error::other).flatten();
        let (child, job) = spawned.map_err(|error| NotStarted::of(error, &name))?;
        self.watch(child, job, output, living)
            .map_err(NotStarted::Machine)
    }

    /// Waits for a child from a small thread of its own.
    fn watch(
        &self,
        mut child: Child,
        group: Group,
        output: Output,
        living: Living,
    ) -> io::Result<Running> {
        let (number, listed, of_life) = (child.id(), self.living.clone(), group.clone());
        let (exited, exit) = oneshot::channel();
        let (release, released) = mpsc::channel();
        let (ended, end) = oneshot::channel();
        listed.lock().insert(number);
        let life = move || {
            let status = child.wait();
            let _ = exited.send(());
            let _ = released.recv();
            of_life.kill();
            if !of_life.0.empty(GONE) {
                tracing::warn!(process = number, "a killed command is not gone yet");
            }
            listed.lock().remove(&number);
            drop(living);
            drop(ended.send(status));
        };
        let watching = std::thread::Builder::new()
            .name("waiter".to_owned())
            .stack_size(256 * 1024)
            .spawn(life);
        if let Err(error) = watching {
            group.kill();
            self.living.lock().remove(&number);
            return Err(error);
        }
        Ok(Running::new(group, output, exit, release, end))
    }

    pub fn living(&self) -> Vec<u32> {
        self.living.lock().iter().copied().collect()
    }
}

/// A command and all that it started.
#[derive(Debug, Clone)]
pub(super) struct Group(Arc<Job>);

impl Group {
    /// Kills all of it. An empty one stays as it is.
    pub fn kill(&self) {
        self.0.kill();
    }
}

/// Starts a program inside a job. Dropped unclaimed, the job kills it.
fn spawn(program: &Program, output: Input) -> io::Result<(Child, Group)> {
    let (job, (stdout, stderr)) = (Job::new()?, output.ends());
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .current_dir(&program.dir)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        // Signals of our console are not for it, and it opens no window.
        .creation_flags(SUSPENDED | CREATE_NO_WINDOW);
    let mut child = command.spawn()?;
    if let Err(error) = job.adopt(child.as_raw_handle(), child.id()) {
        drop(child.kill());
        return Err(error);
    }
    Ok((child, Group(Arc::new(job))))
}
