//! Ways in for fuzzers, which see no more of a library than its users do. Not for anybody else.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;

use crate::http::{self, Encoding, Form};

/// Parses the parameters of `/exec` as a request has them; all that may be asked of them is asked.
#[must_use]
pub fn exec_form(query: &str, content_type: &str, body: &[u8]) -> usize {
    let parsed = match Encoding::of(content_type) {
        // The body is at hand: nothing is waited for.
        Some(encoding) => Form::of_body(Bytes::copy_from_slice(body), encoding).now_or_never(),
        None => None,
    };
    let form = parsed
        .unwrap_or_default()
        .and(&Form::parse(query.as_bytes()));
    let listed = ["cmdArg", "env", "path"].map(|name| form.all(name).count());
    let single = ["cmd", "mode", "dir"].map(|name| form.get(name).len());
    let sum = listed.iter().chain(&single).sum::<usize>();
    sum + usize::from(form.flag("debug"))
}

/// Parses a request as it comes, head and body: how long its head and its body are.
///
/// # Errors
/// It is none, or breaks off.
pub fn request(bytes: &[u8]) -> io::Result<(usize, usize)> {
    http::parse_whole(BytesMut::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_fuzzer_sends_is_parsed() {
        let url = "application/x-www-form-urlencoded";
        assert_eq!(exec_form("cmd=abc&debug=1", url, b"cmdArg=x&cmdArg=y"), 6);
        assert_eq!(exec_form("cmd=abc", "text/plain", b"cmdArg=x"), 3);
        let part = b"--x\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\nfour\r\n--x--\r\n";
        assert_eq!(exec_form("", "multipart/form-data; boundary=x", part), 4);
        let chunked =
            b"PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(request(chunked).unwrap(), (53, 3));
        assert!(request(b"GET / HTTP/1.1\r\n").is_err());
        assert!(request(b"PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 9\r\n\r\nabc").is_err());
    }
}
