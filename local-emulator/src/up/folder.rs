//! The data folder: who may use it, where things lie in it, and its secrets.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use farm_runtime::Ids;

/// Where the pages are, while the farm runs; `farm builds` and its like read it.
const ADDRESS: &str = "address";
/// Where the queues are, while the farm runs; `farm dead-letters` reads it.
const BUS_ADDRESS: &str = "bus-address";
/// Where machines find the hub, while the farm runs; `farm machine` reads it.
const HUB_ADDRESS: &str = "hub-address";

/// An open data folder. The lock is held as long as it lives, and by nobody else.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates or takes the folder.
    ///
    /// # Errors
    /// It cannot be written, or another farm uses it.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let unusable = || {
            format!(
                "cannot use the data folder {}: make it writable, or choose another with --data",
                root.display()
            )
        };
        std::fs::create_dir_all(root).with_context(unusable)?;
        let root = root.canonicalize().with_context(unusable)?;
        let path = root.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(unusable)?;
        if lock.try_lock().is_err() {
            let mut owner = String::new();
            lock.read_to_string(&mut owner).unwrap_or_default();
            bail!(
                "{} is in use by another farm{}: stop it, or choose another folder with --data",
                root.display(),
                owner
            );
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .with_context(unusable)?;
        write!(lock, " (process {})", std::process::id()).with_context(unusable)?;
        // What lies here is nobody's source.
        std::fs::write(root.join(".gitignore"), "*\n").with_context(unusable)?;
        Ok(Self { root, _lock: lock })
    }

    /// A folder inside, created if missing.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn sub(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.root.join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Where everything lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Notes where pages, hub and queues are, for commands that are run beside this folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note_addresses(&self, pages: &str, hub: &str, bus: &str) -> anyhow::Result<()> {
        for (name, address) in [(ADDRESS, pages), (HUB_ADDRESS, hub), (BUS_ADDRESS, bus)] {
            let path = self.root.join(name);
            std::fs::write(&path, format!("{address}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// The file of the secret `name`, made at the first use and readable by its owner only.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn secret(&self, name: &str, ids: &Ids) -> anyhow::Result<PathBuf> {
        let path = self.sub("secrets")?.join(name);
        if !path.exists() {
            write_private(&path, &ids.hex(32))
                .with_context(|| format!("cannot make the secret {}", path.display()))?;
        }
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A note that stays behind is overwritten by the next start.
        for name in [ADDRESS, HUB_ADDRESS, BUS_ADDRESS] {
            let _not_there = std::fs::remove_file(self.root.join(name));
        }
    }
}

/// Writes `text` to a file that only its owner may read, whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_farm_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path()).unwrap();
        let error = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())) && error.contains("--data"),
            "{error}"
        );
        drop(first);
        Folder::open(dir.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Folder::open(&file.join("data")).unwrap_err().to_string();
        assert!(
            error.contains("file/data") && error.contains("--data"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let read = || std::fs::read_to_string(folder.secret("s", &Ids::system()).unwrap()).unwrap();
        assert_eq!(read(), read());
        assert_eq!(read().len(), 64);
    }
}
