//! Directories of a `file://` bucket that are there after a power failure.
//!
//! `object_store` fsyncs the directories that a write made. That leaves two gaps for concurrent writers, closed here:
//! one that found its directory already made does not know whether the maker has fsynced it yet, and one that found its
//! object already there does not know whether the other has.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

/// How many directories are remembered before all are forgotten; forgetting costs an fsync each.
const REMEMBERED: usize = 1000;

/// Makes `path` and whatever is missing above it, durably.
pub fn make(path: &Path) -> io::Result<()> {
    let missing = path.ancestors().take_while(|above| !above.exists()).count();
    fs::create_dir_all(path)?;
    path.ancestors()
        .skip(1)
        .take(missing)
        .try_for_each(synchronise)
}

fn synchronise(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The directories below `root` that are known to be durable.
#[derive(Debug, Clone)]
pub struct Directories {
    root: PathBuf,
    known: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Directories {
    /// None is known yet.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            known: Arc::default(),
        }
    }

    /// The bucket's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directory that the object `key` lies in, and returns once it is durable with all above it.
    pub async fn prepare(&self, key: &str) -> io::Result<()> {
        let directory = self.directory_of(key);
        if self.known.lock().contains(&directory) {
            return Ok(());
        }
        let (root, made) = (self.root.clone(), directory.clone());
        blocking(move || {
            fs::create_dir_all(&made)?;
            let above_root = |directory: &&Path| directory.starts_with(&root);
            made.ancestors()
                .take_while(above_root)
                .try_for_each(synchronise)
        })
        .await?;
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(directory);
        Ok(())
    }

    /// Returns once the entry of the object `key` in its directory is durable, whoever made it.
    pub async fn settle(&self, key: &str) -> io::Result<()> {
        let directory = self.directory_of(key);
        blocking(move || synchronise(&directory)).await
    }

    fn directory_of(&self, key: &str) -> PathBuf {
        match key.rsplit_once('/') {
            Some((directory, _)) => self.root.join(directory),
            None => self.root.clone(),
        }
    }
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
