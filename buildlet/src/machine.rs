//! What all connections share.

use tokio::sync::{Semaphore, watch};

use crate::environment::Environment;
use crate::process::Processes;
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
    ) -> Self {
        let places = Semaphore::new(MAX_COMMANDS);
        Self {
            work_dir,
            environment,
            processes,
            places,
            password,
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
