//! Bodies of requests: received piece by piece, and held to the checksums that came with them.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{Stream, StreamExt};
use http_body_util::{BodyExt, Limited};

use crate::digest::Digest;
use crate::refusal::Refusal;
use crate::shelf::Draft;

/// A client that sends nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ten thousand parts, named, with room to spare.
const LARGEST_XML: usize = 4 << 20;

/// Takes the body into `draft`, and holds it to the checksums among the headers.
pub async fn receive(body: Body, headers: &HeaderMap, draft: &mut Draft) -> Result<(), Refusal> {
    let expected = Expected::of(headers)?;
    copy(body.into_data_stream(), draft).await?;
    expected.check(&draft.digest())
}

/// Takes all bytes of a stream into `draft`.
pub async fn copy<B, E>(
    mut from: impl Stream<Item = Result<B, E>> + Unpin,
    draft: &mut Draft,
) -> Result<(), Refusal>
where
    B: AsRef<[u8]>,
    E: std::fmt::Display,
{
    let broke_off = |error: &dyn std::fmt::Display| Refusal::IncompleteBody(error.to_string());
    loop {
        let next = tokio::time::timeout(PATIENCE, from.next()).await;
        match next.map_err(|late| broke_off(&late))? {
            Some(piece) => {
                let piece = piece.map_err(|error| broke_off(&error))?;
                draft.write(piece.as_ref()).await?;
            }
            None => return Ok(()),
        }
    }
}

/// A whole body, of a request whose body is XML.
pub async fn small(body: Body) -> Result<Vec<u8>, Refusal> {
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST_XML).collect()).await;
    let whole = whole.map_err(|late| Refusal::IncompleteBody(late.to_string()))?;
    let whole = whole.map_err(|error| Refusal::IncompleteBody(error.to_string()))?;
    Ok(whole.to_bytes().to_vec())
}

/// Checksums that a client has made.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    md5: Option<[u8; 16]>,
    crc32c: Option<[u8; 4]>,
}

impl Expected {
    /// Of `Content-MD5` and `x-goog-hash`, which may come more than once.
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut expected = Self::default();
        if let Some(value) = headers.get("content-md5") {
            expected.md5 = Some(decode(value.as_bytes(), "Content-MD5")?);
        }
        for value in headers.get_all("x-goog-hash") {
            let text = value.to_str().unwrap_or_default();
            for hash in text.split(',').map(str::trim) {
                match hash.split_once('=') {
                    Some(("md5", value)) => {
                        expected.md5 = Some(decode(value.as_bytes(), "x-goog-hash")?);
                    }
                    Some(("crc32c", value)) => {
                        expected.crc32c = Some(decode(value.as_bytes(), "x-goog-hash")?);
                    }
                    _ => return Err(Refusal::InvalidDigest("x-goog-hash")),
                }
            }
        }
        Ok(expected)
    }

    /// As JSON has them.
    pub fn said(md5: Option<&str>, crc32c: Option<&str>) -> Result<Self, Refusal> {
        let md5 = md5.map(|text| decode(text.as_bytes(), "md5Hash"));
        let crc32c = crc32c.map(|text| decode(text.as_bytes(), "crc32c"));
        Ok(Self {
            md5: md5.transpose()?,
            crc32c: crc32c.transpose()?,
        })
    }

    /// Whether they are those of what came.
    pub fn check(&self, digest: &Digest) -> Result<(), Refusal> {
        if self.md5.is_some_and(|md5| md5 != digest.md5) {
            return Err(Refusal::BadDigest("MD5"));
        }
        let crc32c = digest.crc32c.to_be_bytes();
        match self.crc32c.is_some_and(|expected| expected != crc32c) {
            true => Err(Refusal::BadDigest("CRC32C")),
            false => Ok(()),
        }
    }
}

fn decode<const N: usize>(text: &[u8], header: &'static str) -> Result<[u8; N], Refusal> {
    let bytes = BASE64_STANDARD.decode(text).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Refusal::InvalidDigest(header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Running;

    fn outcome(headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let mut running = Running::new();
        running.update(b"123456789");
        Expected::of(&map)?.check(&running.finish())
    }

    #[test]
    fn checksums_hold_or_are_refused() {
        let (md5, crc) = ("JfnnlDI7RTiF9RgfG2JNCw==", "4waSgw==");
        let both = format!("crc32c={crc}, md5={md5}");
        let lines = [
            ("x-goog-hash", format!("crc32c={crc}")),
            ("x-goog-hash", format!("md5={md5}")),
        ];
        outcome(&[]).unwrap();
        outcome(&[("content-md5", md5)]).unwrap();
        outcome(&[("x-goog-hash", &both)]).unwrap();
        outcome(&[(lines[0].0, &lines[0].1), (lines[1].0, &lines[1].1)]).unwrap();
        for (name, value) in [
            ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
            ("x-goog-hash", "crc32c=AAAAAA=="),
        ] {
            assert!(
                matches!(outcome(&[(name, value)]), Err(Refusal::BadDigest(_))),
                "{value}"
            );
        }
        for (name, value) in [
            ("content-md5", "x"),
            ("content-md5", crc),
            ("x-goog-hash", "sha1=AAAA"),
            ("x-goog-hash", "md5"),
        ] {
            assert!(
                matches!(outcome(&[(name, value)]), Err(Refusal::InvalidDigest(_))),
                "{value}"
            );
        }
    }
}
