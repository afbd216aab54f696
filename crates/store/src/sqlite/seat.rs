//! The leader's seat: a lock that ends with its process, however that ends. It only makes taking over quick; what keeps
//! an old leader from writing is its epoch.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where leaders of one database sit.
#[derive(Debug)]
pub enum Seat {
    /// A file for each epoch, locked by its leader.
    Beside {
        database: PathBuf,
        held: Option<File>,
    },
    /// For stores that share a database in memory: the epochs whose leaders are there.
    InMemory {
        taken: Arc<Mutex<BTreeSet<i64>>>,
        held: Option<i64>,
    },
}

impl Seat {
    pub fn beside(database: &Path) -> Self {
        Self::Beside {
            database: database.to_owned(),
            held: None,
        }
    }

    pub fn in_memory() -> Self {
        Self::InMemory {
            taken: Arc::default(),
            held: None,
        }
    }

    pub fn is_in_memory(&self) -> bool {
        matches!(self, Self::InMemory { .. })
    }

    /// For another store on the same database.
    pub fn another(&self) -> Self {
        match self {
            Self::Beside { database, .. } => Self::beside(database),
            Self::InMemory { taken, .. } => Self::InMemory {
                taken: taken.clone(),
                held: None,
            },
        }
    }

    /// Called under the database's write lock, before anybody can know of `epoch`.
    pub fn take(&mut self, epoch: i64) -> io::Result<()> {
        self.leave();
        match self {
            Self::Beside { database, held } => {
                let file = File::create(of_epoch(database, epoch))?;
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::Error(error)) => return Err(error),
                    // Left by a leader whose epoch was never committed, and looked at just now.
                    Err(TryLockError::WouldBlock) => {}
                }
                *held = Some(file);
                forget(&of_epoch(database, epoch - 1))
            }
            Self::InMemory { taken, held } => {
                lock(taken).insert(epoch);
                *held = Some(epoch);
                Ok(())
            }
        }
    }

    pub fn is_taken(&self, epoch: i64) -> io::Result<bool> {
        match self {
            Self::Beside { database, .. } => is_locked(&of_epoch(database, epoch)),
            Self::InMemory { taken, .. } => Ok(lock(taken).contains(&epoch)),
        }
    }

    fn leave(&mut self) {
        match self {
            Self::Beside { held, .. } => *held = None,
            Self::InMemory { taken, held } => {
                if let Some(epoch) = held.take() {
                    lock(taken).remove(&epoch);
                }
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

fn lock(taken: &Mutex<BTreeSet<i64>>) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of_epoch(database: &Path, epoch: i64) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(format!("-leader-{epoch}"));
    name.into()
}

fn is_locked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
