//! The data folder.
//!
//! ```text
//! lock                       held while an emulator has the folder
//! staging/<n>                still coming; of no use after a start
//! buckets/<name>             empty
//! objects/<shard>/<generation>    content and trailer
//! uploads/<id>/begun         what the object will be
//! uploads/<id>/<part>        content and trailer
//! ```
//!
//! All generations of an object lie in one directory: once the removal of the last is on disk, so are those before it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::names::{BucketName, Place};
use crate::store::upload::{Begun, UploadId};

/// Why the data folder cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made, read or written.
    #[error(
        "cannot use the data folder {}: {source}; make it writable or choose another folder",
        folder.display()
    )]
    Unusable {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
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
        "the file {} {what}, so this emulator cannot read it; move it away to go on without it",
        file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// A data folder, locked for as long as this lives.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    staged: AtomicU64,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, locks it, and clears away what was still coming.
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Unusable {
            folder: root.to_owned(),
            source,
        };
        // What is above a relative path may be the empty one, which is no directory.
        let root = &std::path::absolute(root).map_err(unusable)?;
        let lock = lock_file(root).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = root.to_owned();
                return Err(OpenError::InUse { folder });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        lay_out(root).map_err(unusable)?;
        Ok(Self {
            root: root.to_owned(),
            staged: AtomicU64::new(0),
            _lock: lock,
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A place for something that is still coming.
    pub(super) fn staged(&self) -> Staged {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        Staged(self.root.join("staging").join(number.to_string()))
    }

    pub(super) fn bucket(&self, name: &BucketName) -> PathBuf {
        self.root.join("buckets").join(name.as_str())
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(super) fn object(&self, place: &Place, generation: u64) -> PathBuf {
        let shard = format!("{:02x}", place.shard());
        self.objects().join(shard).join(generation.to_string())
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn upload(&self, id: &UploadId) -> PathBuf {
        self.uploads().join(id.as_str())
    }

    pub(super) fn part(&self, id: &UploadId, number: u32) -> PathBuf {
        self.upload(id).join(number.to_string())
    }

    pub(super) async fn make_bucket(&self, name: &BucketName) -> io::Result<()> {
        let path = self.bucket(name);
        blocking(move || {
            File::create(&path)?.sync_all()?;
            sync_above(&path)
        })
        .await
    }

    pub(super) async fn begin_upload(&self, id: &UploadId, begun: &Begun) -> io::Result<()> {
        let (folder, bytes) = (self.upload(id), serde_json::to_vec(begun)?);
        let staged = self.staged();
        blocking(move || {
            fs::create_dir(&folder)?;
            fs::write(staged.path(), bytes)?;
            File::open(staged.path())?.sync_all()?;
            fs::rename(staged.path(), folder.join(BEGUN))?;
            sync(&folder)?;
            sync_above(&folder)
        })
        .await
    }

    /// What it is goes first, so that a kill in the middle leaves no upload.
    pub(super) async fn end_upload(&self, id: &UploadId) -> io::Result<()> {
        let folder = self.upload(id);
        blocking(move || {
            fs::remove_file(folder.join(BEGUN))?;
            sync(&folder)?;
            fs::remove_dir_all(&folder)
        })
        .await
    }
}

/// The file of an upload that says what the object will be.
pub(super) const BEGUN: &str = "begun";

/// A file that has no name for others yet; removed on drop, unless it got one.
#[derive(Debug)]
pub(super) struct Staged(PathBuf);

impl Staged {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It may have got its name; and what stays is cleared away at the next start.
        let _gone = fs::remove_file(&self.0);
    }
}

/// Gives a file that is on disk its name, and returns once that is on disk too.
pub(super) async fn publish(staged: Staged, path: PathBuf) -> io::Result<()> {
    blocking(move || {
        fs::rename(staged.path(), &path)?;
        sync_above(&path)
    })
    .await
}

/// Returns once it is gone for good.
pub(super) async fn remove_file(path: PathBuf) -> io::Result<()> {
    blocking(move || {
        fs::remove_file(&path)?;
        sync_above(&path)
    })
    .await
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)?
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn sync_above(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync)
}

fn lock_file(root: &Path) -> io::Result<File> {
    fs::create_dir_all(root)?;
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join("lock"))
}

fn lay_out(root: &Path) -> io::Result<()> {
    let staging = root.join("staging");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    for name in ["staging", "buckets", "objects", "uploads"] {
        fs::create_dir_all(root.join(name))?;
    }
    let objects = root.join("objects");
    for shard in 0..=u8::MAX {
        let path = objects.join(format!("{shard:02x}"));
        if !path.exists() {
            fs::create_dir(path)?;
        }
    }
    sync(&objects)?;
    sync(root)?;
    sync_above(root)
}
