//! Registration.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::ask::{AskError, ask};
use crate::reverse::{BadHeader, Request, RevdialVersion, VERSION_HEADER};
use crate::stream::{BoxStream, Connect, Prefixed};

/// Where machines register.
const TARGET: &str = "/reverse";
/// For the request and its answer.
const LIMIT: Duration = Duration::from_secs(20);
/// How much of a refusal's text is read.
const MAX_TEXT: u64 = 4096;

/// Why the machine is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The hub cannot be reached.
    #[error("cannot reach the hub: {0}")]
    Connect(#[source] io::Error),
    /// A name or key cannot be sent.
    #[error(transparent)]
    BadHeader(#[from] BadHeader),
    /// The hub did not answer as it should.
    #[error("the hub did not answer the registration: {0}")]
    Answer(#[from] AskError),
    /// It took the registration without saying that it speaks the version asked for.
    #[error("the hub does not speak the revdial version asked for")]
    OtherVersion,
    /// The hub said no.
    #[error("the hub refuses this machine: {status} {text}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its text, or the reason of the status line.
        text: String,
    },
}

impl RegisterError {
    /// Whether trying again soon is pointless: a wrong key or host type does not heal by itself.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { status, .. } => (400..500).contains(status),
            Self::BadHeader(_) => true,
            Self::Connect(_) | Self::Answer(_) | Self::OtherVersion => false,
        }
    }
}

/// A control connection, registered; the version is the one that was asked for.
pub struct Registered {
    /// What to speak on it.
    pub version: RevdialVersion,
    /// The connection; the first that the hub said is kept if it came early.
    pub stream: BoxStream,
}

/// Dials the hub and registers. A redirect to another path is followed once.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    connect: &dyn Connect,
    request: &Request,
) -> Result<Registered, RegisterError> {
    let stream = connect.connect().await.map_err(RegisterError::Connect)?;
    let (head, stream) = ask(stream, TARGET, LIMIT, |target| {
        Ok::<_, RegisterError>(request.to_bytes(target)?)
    })
    .await?;
    if head.status != 101 {
        let text = text_of(stream, head.headers.get("Content-Length")).await;
        let text = match (text.is_empty(), head.status) {
            (false, _) => text,
            (true, 400..) => head.reason,
            (true, _) => format!("{} (want HTTP status 101 or 307)", head.reason),
        };
        let status = head.status;
        return Err(RegisterError::Refused { status, text });
    }
    // From version 3 on the hub says what it speaks.
    let version = request.revdial;
    let spoken = RevdialVersion::parse(head.headers.get(VERSION_HEADER));
    if version >= RevdialVersion::V3 && spoken != Some(version) {
        return Err(RegisterError::OtherVersion);
    }
    let stream = Box::new(stream);
    Ok(Registered { version, stream })
}

/// The text behind a refusal, as far as it comes.
async fn text_of(stream: Prefixed<BoxStream>, length: Option<&str>) -> String {
    let length = length
        .and_then(|text| text.parse().ok())
        .unwrap_or(MAX_TEXT);
    let mut bytes = Vec::new();
    let mut stream = stream.take(length.min(MAX_TEXT));
    drop(tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut bytes)).await);
    String::from_utf8_lossy(&bytes).trim().to_owned()
}
