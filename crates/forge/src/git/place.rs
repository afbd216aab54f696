//! Where a repository is: on this machine, or behind a URL.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::command::Git;
use super::error::{GitError, redact};

/// What a `url` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A path.
    Local(PathBuf),
    /// `https://…`, `ssh://…`, `file://…`, `user@host:path`.
    Remote(String),
}

impl Place {
    /// By git's own rule: a colon before the first slash makes it a host.
    pub(super) fn of(url: &str) -> Self {
        let before_slash = url.split('/').next().unwrap_or_default();
        if before_slash.contains(':') {
            Self::Remote(url.to_owned())
        } else {
            Self::Local(PathBuf::from(url))
        }
    }

    /// For messages: without password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Remote(url) => redact(url),
        }
    }
}

/// A repository on this machine.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// Its root, without links.
    path: PathBuf,
    /// The folder that all its worktrees share.
    pub(super) common: PathBuf,
}

impl Local {
    /// The repository at `path` itself, not one above it.
    pub(super) async fn find(path: &Path) -> Result<Self, GitError> {
        let missing = |_| GitError::NoPath(path.to_owned());
        let path = tokio::fs::canonicalize(path).await.map_err(missing)?;
        let mut local = Self {
            path,
            common: PathBuf::new(),
        };
        let git = local.git(&format!("looking at {}", local.path.display()));
        let output = git
            .args(["rev-parse", "--git-common-dir"])
            .run()
            .await
            .map_err(|error| local.explain(error))?;
        let said = output.strip_suffix(b"\n").unwrap_or(&output).to_vec();
        local.common = local.path.join(PathBuf::from(OsString::from_vec(said)));
        if local.common.ends_with(".") {
            local.common.clone_from(&local.path);
        }
        Ok(local)
    }

    /// A git command in the repository.
    pub(super) fn git(&self, what: &str) -> Git {
        let above = self.path.parent().unwrap_or(Path::new("/"));
        Git::new(what)
            .env("GIT_CEILING_DIRECTORIES", above)
            .arg("-C")
            .arg(&self.path)
    }

    /// Lends `git`, which runs in another repository, the objects of this one to read.
    pub(super) fn lend(&self, git: Git) -> Git {
        git.env(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            listed(&self.common.join("objects")),
        )
        .env("GIT_SHALLOW_FILE", self.common.join("shallow"))
    }

    /// Tells a folder that is no repository from other failures.
    pub(super) fn explain(&self, error: GitError) -> GitError {
        match error {
            GitError::Failed { detail, .. } if detail.contains("not a git repository") => {
                let place = self.path.display().to_string();
                GitError::NotRepository {
                    place,
                    detail: "run `git init` there, or correct the path".to_owned(),
                }
            }
            other => other,
        }
    }
}

/// A path as one member of a colon-separated list: quoted as C does where it holds a colon itself.
fn listed(path: &Path) -> OsString {
    let bytes = path.as_os_str().as_bytes();
    if !bytes.contains(&b':') && !bytes.starts_with(b"\"") {
        return path.as_os_str().to_owned();
    }
    let mut quoted = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_before_the_first_slash_makes_a_host() {
        for remote in ["https://h/x", "ssh://h/x", "file:///x", "git@h:a/b", "h:x"] {
            assert_eq!(Place::of(remote), Place::Remote(remote.to_owned()));
        }
        for local in ["/a/b", "./a:b", "a/b:c", "."] {
            assert_eq!(Place::of(local), Place::Local(PathBuf::from(local)));
        }
    }

    #[test]
    fn a_path_with_a_colon_is_one_member_of_a_list() {
        assert_eq!(listed(Path::new("/a b/c")), "/a b/c");
        assert_eq!(listed(Path::new("/a:b/\"c\\")), "\"/a:b/\\\"c\\\\\"");
    }
}
