//! A small HTTP/1.1 server: what `/exec` needs and libraries do not give (`buildlet.md` 1 and 20). Trailers go out though
//! nobody asked for them with `TE`, and a client that vanishes is noticed while nothing is written.
//!
//! It knows no endpoints: a [`Handler`] answers.

mod body;
mod connection;
mod form;
mod raw;
mod request;
mod response;

pub use connection::{Connection, serve};
pub use form::{Encoding, Form, decode};
pub use raw::{Gone, Raw};
pub use request::Request;
pub use response::{Head, Stream};

use std::io;

use futures::future::BoxFuture;

/// Answers requests.
pub trait Handler: Send + Sync {
    /// Answers one request. An error closes the connection at once: the client sees a cut answer.
    fn handle<'a>(
        &'a self,
        request: Request,
        connection: &'a mut Connection,
    ) -> BoxFuture<'a, io::Result<()>>;
}

/// An answer whose request cannot be understood; the connection closes behind it.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// 400 or another of its kind.
    pub status: u16,
    /// After the status in the answer's text.
    pub why: &'static str,
}

/// Parses a request that is all there: how long its head and its body are.
///
/// # Errors
/// It is none, or breaks off.
pub fn parse_whole(mut bytes: bytes::BytesMut) -> io::Result<(usize, usize)> {
    let (request, head) = Request::parse(&bytes)
        .map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad.why))?
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    drop(bytes.split_to(head));
    let (mut body, mut length) = (body::Body::new(request.framing), 0);
    loop {
        match body.step(&mut bytes)? {
            body::Step::Piece(piece) => length += piece.len(),
            body::Step::End => return Ok((head, length)),
            body::Step::NeedMore => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
