//! What can go wrong with git, in words that say what to do.

use std::path::PathBuf;

use farm_model::id::CommitId;

/// git could not be asked, or did not answer well.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("cannot run git: {0}; install it and see that it is in PATH")]
    Start(std::io::Error),
    /// It took too long and was ended.
    #[error("{what}: git did not end within {seconds} s and was stopped; is the source reachable?")]
    Deadline {
        /// What was asked.
        what: String,
        /// How long it had.
        seconds: u64,
    },
    /// It said more than is read.
    #[error("{what}: git answered with more than {limit} bytes")]
    TooMuch {
        /// What was asked.
        what: String,
        /// What is read at most.
        limit: usize,
    },
    /// The path does not exist.
    #[error("there is nothing at {0}: correct the repository's url")]
    NoPath(PathBuf),
    /// There is something else than a repository.
    #[error("{place} is no git repository: {detail}")]
    NotRepository {
        /// Path or URL, without password.
        place: String,
        /// git's words.
        detail: String,
    },
    /// The repository does not have the commit, or has it no more.
    #[error("{place} has no commit {commit}: it may have been removed by a forced push")]
    NoCommit {
        /// Path or URL, without password.
        place: String,
        /// What was asked for.
        commit: CommitId,
    },
    /// The source changed while it was read. Again at once.
    #[error("{0} changed while it was read")]
    Moved(String),
    /// More branches than are read.
    #[error("{wanted} branches of {place} match: narrow the patterns to at most {limit}")]
    TooManyBranches {
        /// Path or URL, without password.
        place: String,
        /// How many match.
        wanted: usize,
        /// How many may.
        limit: usize,
    },
    /// git ended with a complaint.
    #[error("{what}: {detail}")]
    Failed {
        /// What was asked.
        what: String,
        /// The end of git's words.
        detail: String,
    },
    /// git said what we do not understand.
    #[error("{what}: git's answer cannot be read: {detail}")]
    Unreadable {
        /// What was asked.
        what: String,
        /// Where it stopped making sense.
        detail: String,
    },
    /// Our own folder is at fault.
    #[error("cannot use the folder {folder}: {error}")]
    Folder {
        /// The mirror.
        folder: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
}

/// `text` without what stands before the `@` of a URL: it may be a password.
pub(super) fn redact(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(piece.len());
        let host = piece[..end].rfind('@').map_or(0, |at| at + 1);
        clean.push_str("://");
        clean.push_str(&piece[host..]);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_reach_a_message() {
        let text = "fatal: unable to access 'https://me:pass@host/x.git/': no, ssh://git@host:22/y";
        assert_eq!(
            redact(text),
            "fatal: unable to access 'https://host/x.git/': no, ssh://host:22/y"
        );
        assert_eq!(redact("https://me:p@ss@host/x"), "https://host/x");
        assert_eq!(
            redact("git@host:a/b and https://host/a@b"),
            "git@host:a/b and https://host/a@b"
        );
    }
}
