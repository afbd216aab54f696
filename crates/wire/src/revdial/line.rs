//! Lines of the control connection: one JSON object each.

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// `keep-alive`, `conn-ready`, `pickup-failed`; others are ignored by both sides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Path and query of a pick-up.
    #[serde(rename = "connPath", skip_serializing_if = "String::is_empty")]
    pub conn_path: String,
    /// A reason, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub err: String,
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
            err: String::new(),
        }
    }

    /// Says that a pick-up failed.
    #[must_use]
    pub fn pickup_failed(conn_path: String, err: String) -> Self {
        Self {
            command: "pickup-failed".to_owned(),
            conn_path,
            err,
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

fn sample(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(SAMPLE)]).into_owned()
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
mod tests {
    use super::*;

    fn text(line: &Line) -> String {
        String::from_utf8(line.encode().unwrap()).unwrap()
    }

    #[test]
    fn lines_are_written_as_in_2019() {
        assert_eq!(text(&Line::keep_alive()), "{\"command\":\"keep-alive\"}\n");
        let ready =
            Line::conn_ready("/revdial?revdial.dialer=0320ba432ca69edd4116496bccc8cb84".into());
        assert_eq!(
            text(&ready),
            "{\"command\":\"conn-ready\",\"connPath\":\"/revdial?revdial.dialer=0320ba432ca69edd4116496bccc8cb84\"}\n"
        );
        let failed =
            Line::pickup_failed("/x".into(), "127.0.0.1:49020->127.0.0.1:8119: reset".into());
        assert_eq!(
            text(&failed),
            "{\"command\":\"pickup-failed\",\"connPath\":\"/x\",\"err\":\"127.0.0.1:49020-\\u003e127.0.0.1:8119: reset\"}\n"
        );
        assert_eq!(
            Line::decode(text(&failed).trim_end().as_bytes()).unwrap(),
            failed
        );
    }

    #[test]
    fn a_line_of_4096_bytes_is_written_whole_and_a_longer_reason_is_cut() {
        let bare = text(&Line::pickup_failed("/x".into(), "e".into())).len() - 1;
        let fits = Line::pickup_failed("/x".into(), "e".repeat(MAX_WRITTEN - bare));
        assert_eq!(text(&fits).len(), 4096);
        assert_eq!(
            Line::decode(text(&fits).trim_end().as_bytes()).unwrap(),
            fits
        );
        for reason in ["e".repeat(4097 - bare), ">ü".repeat(9000)] {
            let cut = text(&Line::pickup_failed("/x".into(), reason));
            assert!((4096 - 16..=4096).contains(&cut.len()), "{}", cut.len());
        }
        assert!(matches!(
            Line::conn_ready("/".repeat(5000)).encode(),
            Err(LineError::TooLong)
        ));
    }

    #[test]
    fn names_match_in_any_case_and_unknown_fields_are_ignored() {
        let line = Line::decode(br#"{"Command":"future-thing","CONNPATH":"/x","x":1,"err":null}"#)
            .unwrap();
        assert_eq!(
            (line.command.as_str(), line.conn_path.as_str()),
            ("future-thing", "/x")
        );
        for bad in ["", "not json", "[]", "{\"command\":1}"] {
            assert!(
                matches!(Line::decode(bad.as_bytes()), Err(LineError::Bad(_))),
                "{bad:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_line_of_4097_bytes_and_one_of_64_kib_are_read_and_no_longer_one() {
        let line = |length: usize| format!("{{\"command\":\"{}\"}}\n", "x".repeat(length - 15));
        for length in [4096, 4097, MAX_READ] {
            let text = line(length);
            assert_eq!(text.len(), length);
            assert!(
                LineReader::new(text.as_bytes())
                    .next()
                    .await
                    .unwrap()
                    .is_some(),
                "{length}"
            );
        }
        let over = line(MAX_READ + 1);
        assert!(matches!(
            LineReader::new(over.as_bytes()).next().await,
            Err(LineError::TooLong)
        ));
        let endless = "x".repeat(MAX_READ + 1);
        assert!(matches!(
            LineReader::new(endless.as_bytes()).next().await,
            Err(LineError::TooLong)
        ));
    }

    #[tokio::test]
    async fn joined_lines_come_one_by_one() {
        let mut reader = LineReader::new(&b"{\"command\":\"a\"}\r\n{\"command\":\"b\"}\n"[..]);
        assert_eq!(reader.next().await.unwrap().unwrap().command, "a");
        assert_eq!(reader.next().await.unwrap().unwrap().command, "b");
        assert!(reader.next().await.unwrap().is_none());
    }
}
