//! Parameters, from queries and form bodies.

use std::convert::Infallible;

use bytes::Bytes;
use percent_encoding::percent_decode;

/// How a body holds parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Url,
    /// `multipart/form-data`, with its boundary.
    Multipart(String),
}

impl Encoding {
    /// By a `Content-Type`; `None`: the body has no parameters.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Some(Self::Url);
        }
        multer::parse_boundary(content_type)
            .ok()
            .map(Self::Multipart)
    }
}

/// Parameters in the order they came; values are bytes.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// Parses `a=b&c=d`. Pairs that cannot be decoded are left out, as in Go.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let pairs = text
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty() && !pair.contains(&b';'));
        Self(pairs.filter_map(pair).collect())
    }

    /// Parses a body. Parts that are files are no parameters, and neither is anything of a malformed multipart body.
    pub async fn of_body(body: Bytes, encoding: Encoding) -> Self {
        match encoding {
            Encoding::Url => Self::parse(&body),
            Encoding::Multipart(boundary) => parts(body, boundary).await.unwrap_or_default(),
        }
    }

    /// These parameters, then those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// The first value, empty if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &[u8] {
        let first = self.0.iter().find(|(key, _)| key == name.as_bytes());
        first.map_or(&[], |(_, value)| value)
    }

    /// All values, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }

    /// Go's idea of true.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(
            self.get(name),
            b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True"
        )
    }
}

async fn parts(body: Bytes, boundary: String) -> multer::Result<Form> {
    let whole = futures::stream::once(async { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await? {
        match part.name().map(|name| name.as_bytes().to_vec()) {
            Some(name) if part.file_name().is_none() => {
                form.0.push((name, part.bytes().await?.to_vec()));
            }
            _ => {}
        }
    }
    Ok(form)
}

fn pair(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = text
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or(text.len());
    let value = text.get(at + 1..).unwrap_or_default();
    let spaced = |part: &[u8]| {
        part.iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect::<Vec<_>>()
    };
    Some((
        decode_bytes(&spaced(&text[..at]))?,
        decode_bytes(&spaced(value))?,
    ))
}

/// Undoes percent-encoding; `None` where a `%` is not followed by two hex digits.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    decode_bytes(text.as_bytes())
}

fn decode_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let escaped = |rest: &[u8]| {
        rest.get(..2)
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    let whole = text.split(|&byte| byte == b'%').skip(1).all(escaped);
    whole.then(|| percent_decode(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let form =
            Form::parse(b"cmd=a.sh&cmdArg=x&cmdArg=y+z&path=%24PATH&empty=&bare&bad=%zz&debug=T");
        assert_eq!(form.get("cmd"), b"a.sh");
        assert_eq!(form.all("cmdArg").collect::<Vec<_>>(), [&b"x"[..], b"y z"]);
        assert_eq!(form.get("path"), b"$PATH");
        assert_eq!(
            (form.get("empty"), form.get("bare"), form.get("bad")),
            (&b""[..], &b""[..], &b""[..])
        );
        assert!(form.flag("debug") && !form.flag("cmd"));
        assert_eq!(form.all("bare").count(), 1);
        assert_eq!(Form::parse(b"a=1").and(&Form::parse(b"a=2")).get("a"), b"1");
    }

    #[tokio::test]
    async fn parts_that_are_no_files_are_parameters() {
        let encoding = Encoding::of("multipart/form-data; boundary=\"x y\"").unwrap();
        assert_eq!(encoding, Encoding::Multipart("x y".to_owned()));
        let part = |head: &str, text: &str| {
            format!("--x y\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
        };
        let body = [
            part("name=\"cmd\"", "a\r\n--b=c&d"),
            part("name=\"cmd\"", "second"),
            part("name=\"file\"; filename=\"f\"", "content"),
            part("name=\"empty\"", ""),
            "--x y--\r\n".to_owned(),
        ]
        .concat();
        let form = Form::of_body(body.clone().into(), encoding.clone()).await;
        assert_eq!(form.get("cmd"), b"a\r\n--b=c&d");
        assert_eq!(form.all("cmd").count(), 2);
        assert_eq!(
            (form.all("file").count(), form.all("empty").count()),
            (0, 1)
        );
        // What breaks off counts as nothing.
        let cut = Bytes::from(body).slice(..200);
        assert_eq!(Form::of_body(cut, encoding).await.0, []);
    }

    #[test]
    fn other_bodies_have_no_parameters() {
        let url = "Application/X-WWW-Form-Urlencoded; charset=utf-8";
        assert_eq!(Encoding::of(url), Some(Encoding::Url));
        for none in [
            "",
            "text/plain",
            "multipart/form-data",
            "multipart/mixed; boundary=x",
        ] {
            assert_eq!(Encoding::of(none), None, "{none}");
        }
    }
}
