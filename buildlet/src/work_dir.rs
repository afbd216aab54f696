//! The one directory whose content belongs to builds (`buildlet.md` 2.4 and 2.5).

mod bootstrap;
#[cfg(unix)]
#[path = "work_dir/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "work_dir/windows.rs"]
mod system;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use farm_archive::{Dir, remove};

pub use bootstrap::Bootstrap;
use system::{OURS, chosen, real};

/// The work dir of this process.
#[derive(Debug, Clone)]
pub struct WorkDir {
    path: PathBuf,
    /// Whether the bootstrap toolchain in it is whole.
    pub bootstrap: Arc<Bootstrap>,
}

impl WorkDir {
    /// The one given, made if it is missing; else the one that the system has for it. What is ours in it is emptied in any
    /// case.
    ///
    /// # Errors
    /// It cannot be made or emptied.
    pub fn prepare(given: Option<&Path>, host_type: Option<&str>) -> anyhow::Result<Self> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => chosen(host_type)?,
        };
        let make = || -> io::Result<PathBuf> {
            std::fs::create_dir_all(&path)?;
            real(&path)
        };
        let path = make().with_context(|| {
            format!(
                "cannot make the work dir {}; --workdir chooses another",
                path.display()
            )
        })?;
        remove(&path, OURS).context("cannot empty tmp and gocache in the work dir")?;
        let work_dir = Self {
            path,
            bootstrap: Arc::default(),
        };
        work_dir
            .ensure()
            .context("cannot write to the work dir; --workdir chooses another")?;
        Ok(work_dir)
    }

    /// Makes it and what is ours in it again where a build removed them.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn ensure(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.path)?;
        OURS.iter()
            .try_for_each(|name| std::fs::create_dir_all(self.path.join(name)))
    }

    /// Opens it, made again if it is missing.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn open(&self) -> io::Result<Dir> {
        std::fs::create_dir_all(&self.path)?;
        Dir::open(&self.path)
    }

    /// Absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_work_dir_is_made_and_only_our_folders_are_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let work_dir = WorkDir::prepare(Some(&path), None).unwrap();
        std::fs::write(path.join("kept"), "").unwrap();
        std::fs::write(path.join("tmp/gone"), "").unwrap();
        WorkDir::prepare(Some(&path), None).unwrap();
        assert!(
            path.join("kept").exists()
                && path.join("gocache").is_dir()
                && !path.join("tmp/gone").exists()
        );
        std::fs::remove_dir_all(&path).unwrap();
        work_dir.ensure().unwrap();
        assert!(path.join("tmp").is_dir());
    }

    #[test]
    fn a_work_dir_that_cannot_be_made_is_named() {
        let error = WorkDir::prepare(Some(Path::new("/dev/null/x")), None).unwrap_err();
        assert!(error.to_string().contains("/dev/null/x"), "{error}");
    }
}
