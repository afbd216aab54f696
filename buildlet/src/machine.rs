//! What all connections share.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use crate::environment::Environment;
use crate::process::Processes;
use crate::ssh::Ssh;
use crate::work_dir::WorkDir;

/// Commands that may run at once.
const MAX_COMMANDS: usize = 64;

/// This machine, as its endpoints see it.
pub struct Machine {
    /// Where builds live.
    pub work_dir: WorkDir,
    /// What commands inherit.
    pub environment: Environment,
    /// Commands that run.
    pub processes: Processes,
    /// Places for further commands.
    pub places: Semaphore,
    /// Direct mode: what callers must know.
    pub password: Option<String>,
    /// The way to a shell here.
    pub ssh: Arc<Ssh>,
    /// When this process began to serve.
    pub started: Instant,
    halting: watch::Sender<bool>,
}

impl Machine {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(
        work_dir: WorkDir,
        environment: Environment,
        processes: Processes,
        password: Option<String>,
        ssh: Ssh,
    ) -> Self {
        let places = Semaphore::new(MAX_COMMANDS);
        Self {
            work_dir,
            environment,
            processes,
            places,
            password,
            ssh: Arc::new(ssh),
            started: Instant::now(),
            halting: watch::Sender::new(false),
        }
    }

    /// Somebody asked this machine to end.
    pub fn halt(&self) {
        self.halting.send_replace(true);
    }

    /// Waits until somebody asked.
    pub async fn halted(&self) {
        // The sender lives in `self`.
        drop(self.halting.subscribe().wait_for(|halting| *halting).await);
    }
}
