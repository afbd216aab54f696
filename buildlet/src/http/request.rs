//! Heads of requests.

use super::Bad;

/// The most header fields.
const MAX_FIELDS: usize = 64;

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, or none at all.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Percent-encoding undone.
    pub path: String,
    /// Undecoded; empty if there is none.
    pub query: String,
    /// The peer speaks HTTP/1.0: no chunks.
    pub old: bool,
    /// The peer waits for a 100 before it sends the body.
    pub expects_continue: bool,
    /// The connection may serve a further request.
    pub keep_alive: bool,
    pub(super) framing: Framing,
    fields: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// Parses a complete head; `None` if it is not complete yet. With it comes its length.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Bad> {
        let bad = |why| Bad { status: 400, why };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Bad {
                    status: 431,
                    why: "too many header fields",
                });
            }
            Err(_) => return Err(bad("malformed head")),
        };
        let target = parsed.path.unwrap_or_default();
        let (path, query) = split(target).ok_or(bad("malformed target"))?;
        let path = super::decode(path).ok_or(bad("malformed target"))?;
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: String::from_utf8(path).map_err(|_| bad("target is not UTF-8"))?,
            query: query.to_owned(),
            old: parsed.version == Some(0),
            expects_continue: false,
            keep_alive: false,
            framing: Framing::Length(0),
            fields: parsed
                .headers
                .iter()
                .map(|field| (field.name.to_owned(), field.value.to_vec()))
                .collect(),
        };
        request.interpret()?;
        Ok(Some((request, length)))
    }

    fn interpret(&mut self) -> Result<(), Bad> {
        let bad = |why| Bad { status: 400, why };
        match self.all("host").count() {
            0 if !self.old => return Err(bad("missing required Host header")),
            0 | 1 => {}
            _ => return Err(bad("too many Host headers")),
        }
        self.framing = self.framing()?;
        let connection = |token: &str| {
            self.all("connection").any(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
            })
        };
        self.keep_alive = !self.old && !connection("close");
        self.expects_continue = !self.old
            && self
                .field("expect")
                .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        Ok(())
    }

    /// Two ways to read one request are how requests are smuggled: each doubt is a refusal (RFC 9112 6.3).
    fn framing(&self) -> Result<Framing, Bad> {
        let bad = |why| Bad { status: 400, why };
        let mut lengths = self.all("content-length");
        let length = lengths.next();
        if lengths.any(|other| Some(other) != length) {
            return Err(bad("different Content-Length headers"));
        }
        match (self.field("transfer-encoding"), length) {
            (None, None) => Ok(Framing::Length(0)),
            (None, Some(length)) => {
                let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
                let length = Some(length)
                    .filter(|_| digits)
                    .and_then(|length| length.parse().ok());
                length.map(Framing::Length).ok_or(bad("bad Content-Length"))
            }
            (Some(_), Some(_)) => Err(bad("both Transfer-Encoding and Content-Length")),
            (Some(_), None) if self.old => Err(bad("Transfer-Encoding in HTTP/1.0")),
            (Some(coding), None)
                if coding.eq_ignore_ascii_case("chunked")
                    && self.all("transfer-encoding").count() == 1 =>
            {
                Ok(Framing::Chunked)
            }
            (Some(_), None) => Err(Bad {
                status: 501,
                why: "unsupported transfer encoding",
            }),
        }
    }

    /// Whether a body follows, an empty one in chunks included.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.framing != Framing::Length(0)
    }

    /// The first value of a header field, if it is text.
    #[must_use]
    pub fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| std::str::from_utf8(value).unwrap_or("\u{fffd}").trim())
    }
}

/// Path and query of a target, absolute form included.
fn split(target: &str) -> Option<(&str, &str)> {
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.starts_with('/').then_some((path, query))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &str) -> Result<Request, Bad> {
        Request::parse(format!("PUT /a%20b?c=d HTTP/1.1\r\n{fields}\r\n").as_bytes())
            .map(|parsed| parsed.unwrap().0)
    }

    #[test]
    fn a_head_is_understood() {
        let request = parse("Host:\r\nContent-Length: 5\r\nExpect: 100-continue\r\n").unwrap();
        assert_eq!(
            (request.path.as_str(), request.query.as_str()),
            ("/a b", "c=d")
        );
        assert_eq!(request.framing, Framing::Length(5));
        assert!(request.keep_alive && request.expects_continue);
        assert!(
            !parse("Host: x\r\nConnection: Close\r\n")
                .unwrap()
                .keep_alive
        );
        assert_eq!(
            parse("Host: x\r\nTransfer-Encoding: chunked\r\n")
                .unwrap()
                .framing,
            Framing::Chunked
        );
        assert!(
            Request::parse(b"GET / HTTP/1.1\r\nHost: x\r\n")
                .unwrap()
                .is_none()
        );
        let (old, length) = Request::parse(b"GET http://x/status HTTP/1.0\r\n\r\nrest")
            .unwrap()
            .unwrap();
        assert_eq!(
            (old.path.as_str(), old.old, old.keep_alive, length),
            ("/status", true, false, 32)
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (fields, status) in [
            ("", 400),
            ("Host: a\r\nHost: b\r\n", 400),
            ("Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
            ("Host: a\r\nContent-Length: +1\r\n", 400),
            (
                "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                400,
            ),
            ("Host: a\r\nTransfer-Encoding: gzip\r\n", 501),
            (
                "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                501,
            ),
        ] {
            assert_eq!(parse(fields).unwrap_err().status, status, "{fields:?}");
        }
        assert_eq!(parse("").unwrap_err().why, "missing required Host header");
        assert_eq!(
            Request::parse(b"GET status HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap_err()
                .why,
            "malformed target"
        );
    }
}
