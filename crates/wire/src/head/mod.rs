//! Heads of HTTP/1.x messages that libraries refuse: requests with an empty `Host` and no `Upgrade` that expect a 101,
//! answers of protocol `HTTP/0.0` (`revdial.md` 2 and 11).

mod headers;
mod read;
mod write;

pub use headers::Headers;
pub use read::{HeadError, MAX_HEAD, read_answer, read_request};
pub use write::{Refusal, write_101, write_101_for, write_refusal};

use bytes::Bytes;

use crate::stream::Prefixed;

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// `GET`, as it was sent.
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Header fields in the order they came.
    pub headers: Headers,
    raw: Bytes,
}

impl RequestHead {
    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&self.target, |(path, _)| path)
    }

    /// The first value of a query parameter, undecoded. The parameters of these requests need no decoding.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query_value(query, name)
    }

    /// The bytes of the head, the empty line included.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The stream as it was before the head was read: for an ordinary HTTP server.
    #[must_use]
    pub fn rewind<S>(&self, stream: Prefixed<S>) -> Prefixed<S> {
        stream.after(&self.raw)
    }
}

/// The first value of `name` in `a=1&b=2`, undecoded.
pub(crate) fn query_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct AnswerHead {
    /// `101`.
    pub status: u16,
    /// `Switching Protocols`; may be empty.
    pub reason: String,
    /// Header fields in the order they came.
    pub headers: Headers,
    raw: Bytes,
}

impl AnswerHead {
    /// The bytes of the head, the empty line included.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }
}

#[cfg(test)]
mod tests;
