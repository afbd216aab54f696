//! The mirror's folder: made when it is first needed, made anew when the source's object names changed their form.

use std::io;
use std::path::{Path, PathBuf};

use farm_model::id::CommitId;

use super::{Inner, State};
use crate::git::error::GitError;

/// What a build needs is the tree as it is: with what release archives leave out, without expanded keywords, and
/// without running filters that somebody configured.
const ATTRIBUTES: &str = "* -export-ignore -export-subst -filter\n";

/// The form of object names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Sha1,
    Sha256,
}

impl Format {
    pub(super) fn of(commit: &CommitId) -> Self {
        if commit.as_str().len() == 64 {
            Self::Sha256
        } else {
            Self::Sha1
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

impl Inner {
    /// Sees that the folder is there and of the form wanted.
    pub(super) async fn make(&self, state: &mut State, format: Format) -> Result<(), GitError> {
        if state.made == Some(format) {
            return Ok(());
        }
        state.made = None;
        let unusable = |error| GitError::Folder {
            folder: self.dir.clone(),
            error,
        };
        self.on_disk(prepare).await.map_err(unusable)?;
        if self.init(format).await.is_err() {
            // Of the other form, or half made: all it holds can be read again.
            self.on_disk(remove).await.map_err(unusable)?;
            self.init(format).await?;
        }
        self.on_disk(write_attributes).await.map_err(unusable)?;
        state.made = Some(format);
        Ok(())
    }

    async fn init(&self, format: Format) -> Result<(), GitError> {
        let git = self.own(&format!("making the mirror {}", self.dir.display()));
        let options = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
        ];
        git.args(options)
            .arg(format!("--object-format={}", format.name()))
            .run()
            .await
            .map(drop)
    }

    async fn on_disk(&self, work: fn(&Path) -> io::Result<()>) -> io::Result<()> {
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || work(&dir))
            .await
            .unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }
}

/// Git makes its own folder, but none above it.
fn prepare(dir: &Path) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent)?;
    }
    clear_locks(dir)
}

/// A git that was killed leaves its locks behind, and nobody but us uses the folder.
fn clear_locks(dir: &Path) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![dir.to_owned(), dir.join("objects"), dir.join("refs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() && path.starts_with(dir.join("refs")) {
                folders.push(path);
            } else if kind.is_file()
                && path
                    .extension()
                    .is_some_and(|extension| extension == "lock")
            {
                std::fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_attributes(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir.join("info"))?;
    std::fs::write(dir.join("info/attributes"), ATTRIBUTES)
}
