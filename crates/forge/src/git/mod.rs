//! Reading repositories with the git command. The user's repository is never written.

mod archive;
mod blob;
mod command;
mod error;
mod heads;
mod log;
mod mirror;
mod objects;
mod place;

use std::path::{Path, PathBuf};

pub use archive::Archive;
pub use error::GitError;
pub use heads::Heads;
pub use mirror::{Mirror, Observation, ObservedBranch};

use place::{Local, Place};

/// The folder that all worktrees of the repository at `path` share: refs and objects. `path` is its root.
///
/// # Errors
/// There is no repository at `path` itself.
pub async fn common_dir(path: &Path) -> Result<PathBuf, GitError> {
    Ok(Local::find(path).await?.common)
}

/// The text of `file` as of the revision `rev` of the repository at `path`; none if there is no such file, or no such
/// revision, as in a repository without commits. What is not UTF-8 is replaced.
///
/// # Errors
/// There is no repository at `path`, or git fails.
pub async fn show(path: &Path, rev: &str, file: &str) -> Result<Option<String>, GitError> {
    let local = Local::find(path).await?;
    let git = local.git(&format!("reading {file} of {}", path.display()));
    blob::read(git, rev, file).await.map(|found| found.text)
}

/// The heads of the repository at `url`, a path or URL.
///
/// # Errors
/// It cannot be read.
pub async fn heads(url: &str) -> Result<Heads, GitError> {
    match Place::of(url) {
        Place::Local(path) => heads::of_local(&Local::find(&path).await?).await,
        Place::Remote(url) => heads::of_remote(&url).await,
    }
}
