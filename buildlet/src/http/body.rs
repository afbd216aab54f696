//! Bodies of requests, piece by piece.

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use super::request::Framing;

/// The longest line between chunks.
const MAX_LINE: usize = 4096;
/// The most bytes of trailers, which are not looked at.
const MAX_TRAILERS: usize = 16 * 1024;

/// How far a body was read.
#[derive(Debug)]
pub(super) enum Body {
    Length(u64),
    /// Before a chunk's size.
    Size,
    /// Inside a chunk.
    Chunk(u64),
    /// Before the line end behind a chunk.
    ChunkEnd,
    /// Behind the last chunk; so many bytes of trailers came.
    Trailers(usize),
    Done,
}

/// What can be made of the bytes at hand.
pub(super) enum Step {
    Piece(Bytes),
    NeedMore,
    End,
}

impl Body {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Size,
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes what it can from `buffer`.
    pub fn step(&mut self, buffer: &mut BytesMut) -> io::Result<Step> {
        loop {
            match self {
                Self::Done => return Ok(Step::End),
                Self::Length(left) | Self::Chunk(left) => {
                    if buffer.is_empty() {
                        return Ok(Step::NeedMore);
                    }
                    let length = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(buffer.len());
                    *left -= length as u64;
                    if *left == 0 {
                        *self = if matches!(self, Self::Chunk(_)) {
                            Self::ChunkEnd
                        } else {
                            Self::Done
                        };
                    }
                    return Ok(Step::Piece(buffer.split_to(length).freeze()));
                }
                Self::ChunkEnd => match buffer.get(..2) {
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(malformed("chunk end")),
                    None => return Ok(Step::NeedMore),
                },
                Self::Size => {
                    let Some(line) = line(buffer)? else {
                        return Ok(Step::NeedMore);
                    };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Chunk(size),
                    };
                }
                Self::Trailers(seen) => {
                    let Some(line) = line(buffer)? else {
                        return Ok(Step::NeedMore);
                    };
                    *seen += line.len();
                    if *seen > MAX_TRAILERS {
                        return Err(malformed("trailers"));
                    }
                    if line.is_empty() {
                        *self = Self::Done;
                    }
                }
            }
        }
    }
}

/// A line without its end, if it is complete.
fn line(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(at) = buffer.iter().position(|&byte| byte == b'\n') else {
        return if buffer.len() > MAX_LINE {
            Err(malformed("line too long"))
        } else {
            Ok(None)
        };
    };
    let line = buffer.split_to(at + 1);
    line.strip_suffix(b"\r\n")
        .map(|text| Some(Bytes::copy_from_slice(text)))
        .ok_or_else(|| malformed("line end"))
}

/// A chunk's size; extensions behind `;` mean nothing to us.
fn size(line: &[u8]) -> io::Result<u64> {
    let digits = line
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let hex = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| hex)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| malformed("chunk size"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("malformed body: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in two parts; what came of them, and what was left over.
    fn read(framing: Framing, bytes: &[u8], at: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut body, mut buffer, mut all) =
            (Body::new(framing), BytesMut::from(&bytes[..at]), Vec::new());
        let mut rest = Some(&bytes[at..]);
        loop {
            match body.step(&mut buffer)? {
                Step::Piece(piece) => all.extend_from_slice(&piece),
                Step::End => {
                    buffer.extend_from_slice(rest.unwrap_or_default());
                    return Ok((all, buffer.to_vec()));
                }
                Step::NeedMore => match rest.take() {
                    Some(more) => buffer.extend_from_slice(more),
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                },
            }
        }
    }

    #[test]
    fn chunks_are_joined_wherever_they_are_split() {
        let bytes = b"5;x=y\r\nhello\r\nB\r\n, it is me.\r\n0\r\nSum: 1\r\n\r\nnext";
        for at in 0..bytes.len() {
            let (all, rest) = read(Framing::Chunked, bytes, at).unwrap();
            assert_eq!(
                (&all[..], &rest[..]),
                (&b"hello, it is me."[..], &b"next"[..]),
                "split at {at}"
            );
        }
        assert_eq!(
            read(Framing::Length(3), b"abcdef", 1).unwrap(),
            (b"abc".to_vec(), b"def".to_vec())
        );
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bad in [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "5\r\nhelloX\r\n",
            "5\nhello",
            "fffffffffffffffff\r\n",
        ] {
            let error = read(Framing::Chunked, bad.as_bytes(), 0).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{bad:?}");
        }
        assert!(read(Framing::Chunked, "1".repeat(5000).as_bytes(), 0).is_err());
    }
}
