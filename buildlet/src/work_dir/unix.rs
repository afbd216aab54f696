//! Unix: memory if there is a place in it, else the folder of temporary files, where everybody may write.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use farm_archive::remove;

use crate::os;

/// Made by the buildlet inside the work dir, for commands.
pub(super) const OURS: &[&str] = &["tmp", "gocache"];

/// A memory-backed `/workdir`; else an emptied folder among the temporary files.
///
/// # Errors
/// It cannot be made or emptied.
pub(super) fn chosen(host_type: Option<&str>) -> anyhow::Result<PathBuf> {
    if let Some(memory) = os::in_memory_work_dir() {
        return Ok(memory);
    }
    let name = host_type.map_or_else(
        || "workdir".to_owned(),
        |host_type| format!("workdir-{host_type}"),
    );
    among_temporary_files(&std::env::temp_dir().join(name))
}

/// Absolute, links resolved.
///
/// # Errors
/// It is not there.
pub(super) fn real(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
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
}
