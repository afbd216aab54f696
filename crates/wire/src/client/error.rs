//! The two kinds of error, never mixed: the command failed, or we do not know.

use std::io;
use std::sync::Arc;

/// The command ran, or could not be started, and failed: what `Process-State` says, such as `exit status 3`,
/// `signal: killed`, or why it was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RemoteError(pub String);

/// The exchange failed: nothing is known about the command. Except for [`TransportError::TimedOut`] it is worth another
/// try on another machine.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke.
    #[error("connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// The same, of a raw connection.
    #[error("connection failed: {0}")]
    Broke(#[source] io::Error),
    /// The answer makes no sense.
    #[error("the buildlet's answer makes no sense: {0}")]
    Protocol(String),
    /// Not the status that was expected.
    #[error("buildlet: HTTP status {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// At most 4 KiB of its text.
        body: String,
    },
    /// The answer did not begin, or a short one not end, in time.
    #[error("the buildlet did not answer in time")]
    HeaderTimeout,
    /// The command ran longer than it may. It was killed by closing the connection.
    #[error("the command took longer than it may")]
    TimedOut,
    /// A transfer did not move for two minutes.
    #[error("the transfer stalled")]
    Stalled,
    /// The answer ended without saying how the command did.
    #[error("the buildlet did not say how the command ended")]
    NoTrailer,
    /// What was to be sent could not be read, or what came not be written.
    #[error("on our side: {0}")]
    Local(#[source] io::Error),
    /// The client was given up while this went on, or before: see `Client::mark_broken`.
    #[error("the buildlet was given up")]
    Broken,
    /// The client was closed.
    #[error("client closed")]
    Closed,
    /// Three heartbeats failed in a row, or the client was closed.
    #[error("the buildlet is dead: {0}")]
    Dead(#[source] Arc<TransportError>),
}
