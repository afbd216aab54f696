//! Answers, their head fields in the order in which Go's server writes them: explicit ones sorted, `Date`,
//! `Content-Length`, then what the server itself adds.

use std::io;
use std::time::{Duration, SystemTime};

use farm_wire::stream::BoxStream;
use tokio::io::{AsyncWriteExt, WriteHalf};

/// For an answer of known length to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(120);
const TEXT: &str = "text/plain; charset=utf-8";

/// Status and explicit header fields of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Head {
    /// No explicit fields.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
        }
    }

    /// With a field, whose value holds no line ends.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self.fields.sort_by_key(|(name, _)| *name);
        self
    }

    /// The head of an error in plain text.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self::new(status)
            .with("Content-Type", TEXT)
            .with("X-Content-Type-Options", "nosniff")
    }

    /// The bytes of the head; `length` of the body, or what is to be said of its framing instead.
    pub(super) fn bytes(&self, length: Option<u64>, added: &[(&str, &str)]) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let mut field = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        };
        self.fields
            .iter()
            .for_each(|(name, value)| field(name, value));
        field("Date", &date());
        if let Some(length) = length {
            field("Content-Length", &length.to_string());
        }
        added.iter().for_each(|(name, value)| field(name, value));
        text.push_str("\r\n");
        text.into_bytes()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for the time: header Date"
)]
fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Request Entity Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// The type of a body nobody gave one, as far as our bodies go.
#[must_use]
pub fn sniffed(body: &[u8]) -> &'static str {
    if body.starts_with(&[0x1f, 0x8b, 8]) {
        "application/x-gzip"
    } else {
        TEXT
    }
}

/// The body of an answer whose length is not known: chunks, or to a peer of HTTP/1.0 plain bytes until the end.
pub struct Stream<'a> {
    write: &'a mut WriteHalf<BoxStream>,
    chunked: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(write: &'a mut WriteHalf<BoxStream>, chunked: bool) -> Self {
        Self { write, chunked }
    }

    /// Writes and flushes `data` as one chunk. Waits for a slow client as long as it takes: back-pressure.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn chunk(&mut self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        if !self.chunked {
            self.write.write_all(data).await?;
            return self.write.flush().await;
        }
        let mut framed = Vec::with_capacity(data.len() + 16);
        framed.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        framed.extend_from_slice(data);
        framed.extend_from_slice(b"\r\n");
        self.write.write_all(&framed).await?;
        self.write.flush().await
    }

    /// Ends the body, with a trailer if there is one; line ends in its value become spaces.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn finish(self, trailer: Option<(&str, &str)>) -> io::Result<()> {
        if !self.chunked {
            return Ok(());
        }
        let mut end = b"0\r\n".to_vec();
        if let Some((name, value)) = trailer {
            let value: String = value
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            end.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        end.extend_from_slice(b"\r\n");
        write(self.write, &end).await
    }
}

/// Writes and flushes within the limit.
pub(super) async fn write(stream: &mut WriteHalf<BoxStream>, bytes: &[u8]) -> io::Result<()> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    tokio::time::timeout(WRITE_LIMIT, written)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}
