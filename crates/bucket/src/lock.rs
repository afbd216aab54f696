//! The lock that stands in for conditional writes where a bucket is a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Bucket, BucketError};

/// Held by the one coordinator that writes the views of a folder; let go when dropped or when the process ends,
/// however it ends.
#[derive(Debug)]
#[must_use = "dropping it lets go of the folder"]
pub struct FolderLock {
    _file: Option<File>,
}

impl Bucket {
    /// Takes the folder's lock; `None` inside for a bucket that is no folder, which has versions instead.
    ///
    /// # Errors
    /// [`BucketError::Held`] when another process has it; it may be tried again.
    pub fn lock_folder(&self) -> Result<FolderLock, BucketError> {
        let file = self.root().map(lock).transpose()?;
        Ok(FolderLock { _file: file })
    }
}

fn lock(root: &Path) -> Result<File, BucketError> {
    let path = root.join("coordinator.lock");
    let open = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let refused = |error| BucketError::Folder {
        path: path.clone(),
        error,
    };
    let file = open.map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BucketError::Held { path }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}
