//! Registration.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::head::{HeadError, read_answer};
use crate::reverse::{BadHeader, Request};
use crate::stream::{BoxStream, Connect, Prefixed};

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
    Answer(#[from] HeadError),
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
            Self::Connect(_) | Self::Answer(_) => false,
        }
    }
}

/// Dials the hub and registers; the stream returned is the control connection, its first lines kept if they came early.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    connect: &dyn Connect,
    request: &Request,
) -> Result<BoxStream, RegisterError> {
    let bytes = request.to_bytes()?;
    let mut stream = connect.connect().await.map_err(RegisterError::Connect)?;
    let sent = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    tokio::time::timeout(LIMIT, sent)
        .await
        .map_err(|_| HeadError::TimedOut)?
        .map_err(HeadError::Io)?;
    let (head, stream) = read_answer(stream, LIMIT).await?;
    match head.status {
        101 => Ok(Box::new(stream)),
        status => {
            let text = text_of(stream, head.headers.get("Content-Length")).await;
            let text = if text.is_empty() { head.reason } else { text };
            Err(RegisterError::Refused { status, text })
        }
    }
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
