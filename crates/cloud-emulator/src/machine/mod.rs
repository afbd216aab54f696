//! A machine is a process group in a folder of its own. It ends when it is told to, and with this process, however that ends.

mod group;
mod life;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;

pub(crate) use group::{Group, Program};
pub(crate) use life::{End, Life, Told};

/// Where machines have their folders, and who looks after them.
#[derive(Debug, Clone)]
pub struct Place {
    root: Arc<Path>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Place {
    /// Each machine gets a folder in `root`, which is made when it is needed.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into().into(),
            tasks: Arc::default(),
        }
    }

    /// The folder of a machine. `number` tells apart machines that have a name one after the other.
    pub(crate) fn folder(&self, name: &str, number: u64) -> PathBuf {
        self.root.join(format!("{name}.{number}"))
    }

    /// Looks after something until it is over, or this place and all of its copies are gone.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends every machine at once.
    pub(crate) async fn end(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
    }
}
