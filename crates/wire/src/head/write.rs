//! Writing the answers that go straight to a connection.

use std::io;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::reverse::{RevdialVersion, VERSION_HEADER};

/// How long writing an answer's head may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A refusal: status and text for the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {text}")]
pub struct Refusal {
    /// From 400 to 599.
    pub status: u16,
    /// One line, without its end.
    pub text: String,
}

impl Refusal {
    /// A refusal of `status` with `text`.
    #[must_use]
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }
}

/// Writes a 101 and flushes it, so that it has a TLS record of its own: peers of 2019 lose whatever shares the record
/// with it (`revdial.md` 2).
///
/// # Errors
/// Writing failed, or took longer than ten seconds.
pub async fn write_101<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    write(stream, b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await
}

/// The same as the answer to a registration: from version 3 on it says which version is spoken from here.
///
/// # Errors
/// As [`write_101`].
pub async fn write_101_for<S: AsyncWrite + Unpin>(
    stream: &mut S,
    version: RevdialVersion,
) -> io::Result<()> {
    if version < RevdialVersion::V3 {
        return write_101(stream).await;
    }
    let head = format!("HTTP/1.1 101 Switching Protocols\r\n{VERSION_HEADER}: {version}\r\n\r\n");
    write(stream, head.as_bytes()).await
}

/// Writes an error as Go's server does; `now` is for the `Date` header.
///
/// # Errors
/// Writing failed, or took longer than ten seconds.
pub async fn write_refusal<S: AsyncWrite + Unpin>(
    stream: &mut S,
    refusal: &Refusal,
    now: SystemTime,
) -> io::Result<()> {
    let reason = http::StatusCode::from_u16(refusal.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let allow = if refusal.status == 405 {
        "Allow: GET\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {} {reason}\r\n{allow}Content-Type: text/plain; charset=utf-8\r\n\
         X-Content-Type-Options: nosniff\r\nDate: {}\r\nContent-Length: {}\r\n\r\n{}\n",
        refusal.status,
        httpdate::fmt_http_date(now),
        refusal.text.len() + 1,
        refusal.text,
    );
    write(stream, head.as_bytes()).await
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, head: &[u8]) -> io::Result<()> {
    let written = async {
        stream.write_all(head).await?;
        stream.flush().await
    };
    tokio::time::timeout(WRITE_LIMIT, written)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}
