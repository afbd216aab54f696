//! Answers, their head fields in the order in which Go's server writes them: explicit ones sorted, `Date`,
//! `Content-Length`, then what the server itself adds.

use std::io;
use std::time::{Duration, SystemTime};

use farm_wire::stream::BoxStream;
use tokio::io::{AsyncWriteExt, WriteHalf};

/// For an answer of known length to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(120);
const TEXT: &str = "text/plain; charset=utf-8";
const CONTENT_TYPE: &str = "Content-Type";
/// How much of a body decides about its type.
const SNIFFED: usize = 512;

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

    /// With the type that `body` looks like, unless it has one or there is no body.
    #[must_use]
    pub fn typed(self, body: &[u8]) -> Self {
        if body.is_empty() || self.fields.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            return self;
        }
        self.with(CONTENT_TYPE, sniffed(body))
    }

    /// The head of an error in plain text.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self::new(status)
            .with(CONTENT_TYPE, TEXT)
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
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// The type of a body nobody gave one, as far as our bodies go.
#[must_use]
pub fn sniffed(body: &[u8]) -> &'static str {
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if body.starts_with(&[0x1f, 0x8b, 8]) {
        "application/x-gzip"
    } else if body.iter().take(SNIFFED).any(binary) {
        "application/octet-stream"
    } else {
        TEXT
    }
}

/// How a body of unknown length goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// In chunks.
    Chunked,
    /// As it is, until the connection ends: the peer speaks HTTP/1.0.
    Plain,
    /// Not at all: the answer to HEAD.
    Nothing,
}

/// The body of an answer whose length is not known.
pub struct Stream<'a> {
    write: &'a mut WriteHalf<BoxStream>,
    coding: Coding,
}

impl<'a> Stream<'a> {
    pub(super) fn new(write: &'a mut WriteHalf<BoxStream>, coding: Coding) -> Self {
        Self { write, coding }
    }

    /// Writes and flushes `data` as one chunk. Waits for a slow client as long as it takes: back-pressure.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn chunk(&mut self, data: &[u8]) -> io::Result<()> {
        match self.coding {
            _ if data.is_empty() => return Ok(()),
            Coding::Nothing => return Ok(()),
            Coding::Plain => {
                self.write.write_all(data).await?;
                return self.write.flush().await;
            }
            Coding::Chunked => {}
        }
        let mut framed = Vec::with_capacity(data.len() + 16);
        framed.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        framed.extend_from_slice(data);
        framed.extend_from_slice(b"\r\n");
        self.write.write_all(&framed).await?;
        self.write.flush().await
    }

    /// Ends the body, with trailers; line ends in their values become spaces.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn finish(self, trailers: &[(&str, &str)]) -> io::Result<()> {
        if self.coding != Coding::Chunked {
            return Ok(());
        }
        let mut end = b"0\r\n".to_vec();
        for (name, value) in trailers {
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

#[cfg(test)]
mod tests {
    use super::sniffed;

    #[test]
    fn bodies_get_the_type_they_look_like() {
        assert_eq!(sniffed(b"a\tb\n\xff\x1b"), "text/plain; charset=utf-8");
        assert_eq!(sniffed(b"a\x01"), "application/octet-stream");
        assert_eq!(sniffed(b"\x1f\x8b\x08\0"), "application/x-gzip");
        let late = [&[b'a'; 512][..], b"\0"].concat();
        assert_eq!(sniffed(&late), "text/plain; charset=utf-8");
    }
}
