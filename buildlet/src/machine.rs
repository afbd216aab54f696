//! What all connections share.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use crate::emulator::Emulator;
use crate::environment::Environment;
use crate::fetch::Fetcher;
use crate::module_proxy::Upstream;
use crate::outbound::Outbound;
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
    /// Fetches archives.
    pub fetcher: Arc<Fetcher>,
    /// Keeps commands off the network.
    pub outbound: Outbound,
    /// Reverse mode: where modules come from.
    pub modules: Option<Arc<Upstream>>,
    /// What commands cannot do without.
    pub emulator: Option<Emulator>,
    halting: watch::Sender<bool>,
}

/// What a machine is made of, beside its commands.
pub struct Parts {
    /// Direct mode: what callers must know.
    pub password: Option<String>,
    /// The way to a shell here.
    pub ssh: Ssh,
    /// Fetches archives.
    pub fetcher: Fetcher,
    /// Keeps commands off the network.
    pub outbound: Outbound,
    /// Reverse mode: where modules come from.
    pub modules: Option<Upstream>,
    /// What commands cannot do without.
    pub emulator: Option<Emulator>,
}

impl Machine {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(
        work_dir: WorkDir,
        environment: Environment,
        processes: Processes,
        parts: Parts,
    ) -> Self {
        Self {
            work_dir,
            environment,
            processes,
            places: Semaphore::new(MAX_COMMANDS),
            password: parts.password,
            ssh: Arc::new(parts.ssh),
            started: Instant::now(),
            fetcher: Arc::new(parts.fetcher),
            outbound: parts.outbound,
            modules: parts.modules.map(Arc::new),
            emulator: parts.emulator,
            halting: watch::Sender::new(false),
        }
    }

    /// Somebody asked this machine to end.
    pub fn halt(&self) {
        self.halting.send_replace(true);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_halting(&self) -> bool {
        *self.halting.borrow()
    }

    /// Waits until somebody asked.
    pub async fn halted(&self) {
        // The sender lives in `self`.
        drop(self.halting.subscribe().wait_for(|halting| *halting).await);
    }
}
