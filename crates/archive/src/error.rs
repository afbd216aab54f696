//! Whose fault it is.

use std::io;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender's fault: 400 with this text.
    #[error("{0}")]
    Malformed(String),
    /// Ours: 500.
    #[error("{what}: {error}")]
    Local {
        /// What was tried, with the name it was tried on.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
}

impl Error {
    /// Something wrong inside the archive.
    pub(crate) fn tar(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Malformed("tar error: unexpected EOF".to_owned()),
            _ => Self::Malformed(format!("tar error: {error}")),
        }
    }

    pub(crate) fn invalid_name(name: &[u8]) -> Self {
        Self::Malformed(format!(
            "tar file contained invalid name {:?}",
            String::from_utf8_lossy(name)
        ))
    }

    /// A failure on `name` while doing `what`.
    pub(crate) fn local(what: &str, name: &[u8]) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{what} {}", String::from_utf8_lossy(name));
        move |error| Self::Local { what, error }
    }
}
