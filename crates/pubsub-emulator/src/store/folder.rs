//! The data folder: made, locked, and told apart when it cannot be used.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why the data folder cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error(
        "cannot write to the data folder {}: {source}; make it writable or choose another folder",
        folder.display()
    )]
    Unwritable {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk is full.
    #[error(
        "no space left for the data folder {}: free some space or choose a folder on another disk",
        folder.display()
    )]
    Full {
        /// The data folder.
        folder: PathBuf,
    },
    /// Another emulator has the folder.
    #[error(
        "the data folder {} is in use by another emulator: stop that one or choose another folder",
        folder.display()
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// What is in the folder cannot be read back.
    #[error(
        "the data folder {} holds {what}, which this emulator cannot read; \
         move the folder away to start afresh",
        folder.display()
    )]
    Unreadable {
        /// The data folder.
        folder: PathBuf,
        /// Which file, and what is wrong with it.
        what: String,
    },
}

impl OpenError {
    pub(super) fn io(folder: &Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { folder },
            _ => Self::Unwritable { folder, source },
        }
    }
}

/// A data folder, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and locks it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock_file(path).map_err(|source| OpenError::io(path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                folder: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::io(path, source)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the segments are.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(path.join("log"))?;
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
}
