//! The one directory whose content belongs to builds (`buildlet.md` 2.4 and 2.5).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use farm_archive::{Dir, remove};

use crate::os;
pub use bootstrap::Bootstrap;

mod bootstrap;

/// Made by the buildlet inside the work dir, for commands.
const OURS: [&str; 2] = ["tmp", "gocache"];

/// The work dir of this process.
#[derive(Debug, Clone)]
pub struct WorkDir {
    path: PathBuf,
    /// Whether the bootstrap toolchain in it is whole.
    pub bootstrap: Arc<Bootstrap>,
}

impl WorkDir {
    /// The one given, made if it is missing; else a memory-backed `/workdir`; else an emptied one among the temporary
    /// files. Its `tmp` and `gocache` are emptied in any case.
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
            path.canonicalize()
        };
        let path = make().with_context(|| {
            format!(
                "cannot make the work dir {}; --workdir chooses another",
                path.display()
            )
        })?;
        remove(&path, &OURS).context("cannot empty tmp and gocache in the work dir")?;
        let work_dir = Self {
            path,
            bootstrap: Arc::default(),
        };
        work_dir
            .ensure()
            .context("cannot write to the work dir; --workdir chooses another")?;
        Ok(work_dir)
    }

    /// Makes it and its `tmp` and `gocache` again where a build removed them.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn ensure(&self) -> io::Result<()> {
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

fn chosen(host_type: Option<&str>) -> anyhow::Result<PathBuf> {
    if let Some(memory) = os::in_memory_work_dir() {
        return Ok(memory);
    }
    let name = host_type.map_or_else(
        || "workdir".to_owned(),
        |host_type| format!("workdir-{host_type}"),
    );
    among_temporary_files(&std::env::temp_dir().join(name))
}

/// Everybody can guess this name and may write beside it: what somebody else put there is neither emptied nor used.
fn among_temporary_files(path: &Path) -> anyhow::Result<PathBuf> {
    let prepare = || -> anyhow::Result<()> {
        if path.symlink_metadata().is_ok() {
            is_ours(path)?;
            remove(path, &["."])?;
        }
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_ours(path),
            made => Ok(made?),
        }
    };
    prepare()
        .with_context(|| format!("cannot use {}; --workdir chooses another", path.display()))?;
    Ok(path.to_owned())
}

fn is_ours(path: &Path) -> anyhow::Result<()> {
    let found = path.symlink_metadata()?;
    if !found.is_dir() || found.uid() != nix::unistd::geteuid().as_raw() {
        bail!("it is not a directory of this user");
    }
    Ok(())
}

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
    fn a_guessable_work_dir_is_emptied_unless_it_is_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("workdir"), folder.path().join("home"));
        std::fs::create_dir(&precious).unwrap();
        std::fs::write(precious.join("kept"), "").unwrap();
        among_temporary_files(&path).unwrap();
        std::fs::write(path.join("gone"), "").unwrap();
        among_temporary_files(&path).unwrap();
        assert!(path.is_dir() && !path.join("gone").exists());
        std::fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        let error = among_temporary_files(&path).unwrap_err();
        assert!(error.to_string().contains("--workdir"), "{error}");
        assert!(precious.join("kept").exists());
    }

    #[test]
    fn a_work_dir_that_cannot_be_made_is_named() {
        let error = WorkDir::prepare(Some(Path::new("/dev/null/x")), None).unwrap_err();
        assert!(error.to_string().contains("/dev/null/x"), "{error}");
    }
}
