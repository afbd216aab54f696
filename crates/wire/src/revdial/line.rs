//! Lines of the control connection: one JSON object each.

use std::fmt;
use std::io;

use bytes::BytesMut;
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line written, its end included: peers of 2019 end the session at more.
pub const MAX_WRITTEN: usize = 4096;
/// The longest line read, its end included.
pub const MAX_READ: usize = 64 * 1024;
/// How much of a bad line is kept for the log.
const SAMPLE: usize = 80;

/// One line. Fields are written in this order, empty ones left out.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// `keep-alive`, `conn-ready`, `pickup-failed`, `renew-key`; others are ignored by both sides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Path and query of a pick-up.
    #[serde(rename = "connPath", skip_serializing_if = "String::is_empty")]
    pub conn_path: String,
    /// A reason, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub err: String,
    /// A machine's new key: ours alone, and a secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
}

/// Without the key, and without the path, which holds a token.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?}, err: {:?})", self.command, self.err)
    }
}

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no JSON object of the known shape. Holds a sample.
    #[error("bad line {0:?}")]
    Bad(String),
    /// It is longer than [`MAX_READ`], or to be written than [`MAX_WRITTEN`].
    #[error("line too long")]
    TooLong,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Line {
    /// `{"command":"keep-alive"}`.
    #[must_use]
    pub fn keep_alive() -> Self {
        Self {
            command: "keep-alive".to_owned(),
            ..Self::default()
        }
    }

    /// Asks for a pick-up.
    #[must_use]
    pub fn conn_ready(conn_path: String) -> Self {
        Self {
            command: "conn-ready".to_owned(),
            conn_path,
            ..Self::default()
        }
    }

    /// Says that a pick-up failed.
    #[must_use]
    pub fn pickup_failed(conn_path: String, err: String) -> Self {
        Self {
            command: "pickup-failed".to_owned(),
            conn_path,
            err,
            ..Self::default()
        }
    }

    /// Gives a machine its next key.
    #[must_use]
    pub fn renew_key(key: String) -> Self {
        Self {
            command: "renew-key".to_owned(),
            key,
            ..Self::default()
        }
    }

    /// The line as it is written, its end included: at most [`MAX_WRITTEN`] bytes, `err` cut to fit.
    ///
    /// # Errors
    /// Even without `err` it is too long.
    pub fn encode(&self) -> Result<Vec<u8>, LineError> {
        let mut line = self.clone();
        loop {
            let text = escape(&serde_json::to_string(&line).map_err(io::Error::from)?);
            let over = (text.len() + 1).saturating_sub(MAX_WRITTEN);
            if over == 0 {
                return Ok([text.as_bytes(), b"\n"].concat());
            }
            if line.err.is_empty() {
                return Err(LineError::TooLong);
            }
            // A character may take six bytes when escaped: cut carefully and look again.
            let keep = line.err.len().saturating_sub(over.div_ceil(6).max(1));
            line.err.truncate(line.err.floor_char_boundary(keep));
        }
    }

    /// A line without its end. Field names match without regard to case, unknown fields are ignored.
    ///
    /// # Errors
    /// It is no JSON object, or a known field is no string.
    pub fn decode(text: &[u8]) -> Result<Self, LineError> {
        let bad = || LineError::Bad(sample(text));
        let Ok(Value::Object(fields)) = serde_json::from_slice(text) else {
            return Err(bad());
        };
        let mut line = Self::default();
        for (name, value) in fields {
            let field = match name.to_ascii_lowercase().as_str() {
                "command" => &mut line.command,
                "connpath" => &mut line.conn_path,
                "err" => &mut line.err,
                "key" => &mut line.key,
                _ => continue,
            };
            match value {
                Value::String(text) => *field = text,
                Value::Null => {}
                _ => return Err(bad()),
            }
        }
        Ok(line)
    }
}

/// As Go writes JSON. These characters stand in strings alone.
fn escape(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// The beginning of a bad line, up to where it may hold a key.
fn sample(text: &[u8]) -> String {
    let mut sample = String::from_utf8_lossy(&text[..text.len().min(SAMPLE)]).into_owned();
    let lower = sample.to_ascii_lowercase();
    let secrets = ["key\"", "fm1."].map(|mark| lower.find(mark));
    if let Some(at) = secrets.into_iter().flatten().min() {
        sample.truncate(at);
    }
    sample
}

/// Reads lines, however they were cut or joined on the way. Cancel-safe.
#[derive(Debug)]
pub struct LineReader<R> {
    inner: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Nothing is read yet.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: BytesMut::new(),
        }
    }

    /// The next line; `None` when the peer closed.
    ///
    /// # Errors
    /// [`LineError`]; the session is over.
    pub async fn next(&mut self) -> Result<Option<Line>, LineError> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.buffer[seen..].iter().position(|&byte| byte == b'\n') {
                if seen + at >= MAX_READ {
                    return Err(LineError::TooLong);
                }
                let line = self.buffer.split_to(seen + at + 1);
                let text = &line[..line.len() - 1];
                return Line::decode(text.strip_suffix(b"\r").unwrap_or(text)).map(Some);
            }
            seen = self.buffer.len();
            if seen >= MAX_READ {
                return Err(LineError::TooLong);
            }
            if self.inner.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests;
