//! Reading heads: bounded, with a deadline, keeping what came behind them.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{AnswerHead, Headers, RequestHead};
use crate::stream::Prefixed;

/// The longest head read.
pub const MAX_HEAD: usize = 16 * 1024;

/// Why no head could be read.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The peer closed before the empty line. The text is the one that peers of 2019 report.
    #[error("unexpected EOF")]
    Ended,
    /// The peer did not send it in time.
    #[error("no complete HTTP head in time")]
    TimedOut,
    /// It is longer than [`MAX_HEAD`].
    #[error("HTTP head of more than {MAX_HEAD} bytes")]
    TooLong,
    /// It is no HTTP/1.x head.
    #[error("malformed HTTP head: {0}")]
    Malformed(&'static str),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a request's head within `limit`. The stream returned begins with what came behind the head.
///
/// # Errors
/// [`HeadError`].
pub async fn read_request<S: AsyncRead + Unpin>(
    stream: S,
    limit: Duration,
) -> Result<(RequestHead, Prefixed<S>), HeadError> {
    let (raw, rest) = read_raw(stream, limit).await?;
    let (first, headers) = split(&raw)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(protocol), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadError::Malformed("request line"));
    };
    protocol_known(protocol)?;
    if method.is_empty() || target.is_empty() {
        return Err(HeadError::Malformed("request line"));
    }
    Ok((
        RequestHead {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            raw,
        },
        rest,
    ))
}

/// Reads an answer's head within `limit`, of any protocol `HTTP/<digit>.<digit>`.
///
/// # Errors
/// [`HeadError`].
pub async fn read_answer<S: AsyncRead + Unpin>(
    stream: S,
    limit: Duration,
) -> Result<(AnswerHead, Prefixed<S>), HeadError> {
    let (raw, rest) = read_raw(stream, limit).await?;
    let (first, headers) = split(&raw)?;
    let (protocol, status) = first
        .split_once(' ')
        .ok_or(HeadError::Malformed("status line"))?;
    protocol_known(protocol)?;
    let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
    let status = Some(code)
        .filter(|code| code.len() == 3)
        .and_then(|code| code.parse().ok())
        .ok_or(HeadError::Malformed("status code"))?;
    Ok((
        AnswerHead {
            status,
            reason: reason.to_owned(),
            headers,
            raw,
        },
        rest,
    ))
}

async fn read_raw<S: AsyncRead + Unpin>(
    mut stream: S,
    limit: Duration,
) -> Result<(Bytes, Prefixed<S>), HeadError> {
    let read = async {
        let mut buffer = BytesMut::with_capacity(1024);
        loop {
            let seen = buffer.len().saturating_sub(3);
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(HeadError::Ended);
            }
            let end = end_of_head(&buffer, seen);
            if end.unwrap_or(buffer.len()) > MAX_HEAD {
                return Err(HeadError::TooLong);
            }
            if let Some(end) = end {
                return Ok((buffer.split_to(end).freeze(), buffer.freeze()));
            }
        }
    };
    let (raw, surplus) = tokio::time::timeout(limit, read)
        .await
        .map_err(|_| HeadError::TimedOut)??;
    Ok((raw, Prefixed::new(surplus, stream)))
}

/// Where the empty line ends. Bare line feeds count as line ends, as they do for the peers out there.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    (from..buffer.len())
        .filter(|&at| buffer[at] == b'\n')
        .find_map(|at| match &buffer[at + 1..] {
            [b'\n', ..] => Some(at + 2),
            [b'\r', b'\n', ..] => Some(at + 3),
            _ => None,
        })
}

fn split(raw: &[u8]) -> Result<(&str, Headers), HeadError> {
    let text = std::str::from_utf8(raw).map_err(|_| HeadError::Malformed("not UTF-8"))?;
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .map(field)
        .collect::<Result<Headers, _>>()?;
    Ok((first, headers))
}

fn field(line: &str) -> Result<(String, String), HeadError> {
    let (name, value) = line
        .split_once(':')
        .ok_or(HeadError::Malformed("header line"))?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(HeadError::Malformed("header name"));
    }
    let value = value.trim_matches([' ', '\t']);
    if value.bytes().any(|byte| byte == b'\r' || byte == 0) {
        return Err(HeadError::Malformed("header value"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// RFC 9110 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn protocol_known(protocol: &str) -> Result<(), HeadError> {
    match protocol.as_bytes() {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Ok(())
        }
        _ => Err(HeadError::Malformed("protocol")),
    }
}
