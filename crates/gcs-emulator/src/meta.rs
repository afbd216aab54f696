//! What is known of an object beside its bytes.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::refusal::Refusal;

/// Headers of an upload that come back with the object.
const KEPT: [HeaderName; 5] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
];
/// Further ones, by their start.
const KEPT_PREFIXES: [&str; 2] = ["x-goog-meta-", "x-goog-custom-time"];
/// The most that custom metadata may take, in bytes: <https://cloud.google.com/storage/quotas#objects>.
const LARGEST_CUSTOM: usize = 8 << 10;
/// What an object is without `Content-Type`.
const DEFAULT_TYPE: &str = "application/octet-stream";
const STORAGE_CLASS: &str = "x-goog-storage-class";

/// What was said about the content when it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described(BTreeMap<String, String>);

impl Described {
    /// What `headers` say of an object.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut kept = BTreeMap::new();
        for (name, value) in headers {
            let custom = KEPT_PREFIXES.iter().any(|p| name.as_str().starts_with(p));
            if custom || KEPT.contains(name) || name == STORAGE_CLASS {
                let value = std::str::from_utf8(value.as_bytes()).map_err(|_| {
                    Refusal::InvalidArgument(format!("the header {name} is not UTF-8"))
                })?;
                kept.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let custom = kept
            .iter()
            .filter(|(name, _)| name.starts_with("x-goog-meta-"));
        let size: usize = custom.map(|(name, value)| name.len() + value.len()).sum();
        match size > LARGEST_CUSTOM {
            true => Err(Refusal::MetadataTooLarge),
            false => Ok(Self(kept)),
        }
    }

    /// Headers with their values.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The class it was stored under.
    pub fn storage_class(&self) -> &str {
        self.0.get(STORAGE_CLASS).map_or("STANDARD", String::as_str)
    }

    /// `Content-Encoding`, as `x-goog-stored-content-encoding` has it.
    fn encoding(&self) -> &str {
        self.0
            .get("content-encoding")
            .map_or("identity", String::as_str)
    }

    fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(DEFAULT_TYPE));
        for (name, value) in &self.0 {
            insert(headers, name, value);
        }
    }
}

/// An object's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Grows with each write of any object; microseconds since the Unix epoch or a little more.
    pub generation: u64,
    /// How often the metadata of this generation was changed, from 1.
    pub metageneration: u64,
    /// In bytes.
    pub size: u64,
    /// Of the whole content.
    pub digest: Digest,
    /// How many parts it was put together from, if it was.
    pub components: Option<u32>,
    /// Microseconds since the Unix epoch.
    pub modified: u64,
    /// What came with it.
    pub described: Described,
}

impl Meta {
    /// The entity tag, in its quotes: the MD5 of what was uploaded at once; for what was put together no MD5 is known, and
    /// the tag is the generation, in base64 of the message that the service encodes it in.
    pub fn etag(&self) -> String {
        match self.components {
            None => format!("\"{}\"", hex::encode(self.digest.md5)),
            Some(_) => format!("\"-{}\"", self.version_tag()),
        }
    }

    /// Generation and metageneration as one text: the entity tag of the JSON API.
    pub fn version_tag(&self) -> String {
        BASE64_STANDARD.encode(self.version_message())
    }

    /// Fields 1 and 2, as varints.
    fn version_message(&self) -> Vec<u8> {
        let mut bytes = vec![0x08];
        varint(&mut bytes, self.generation);
        bytes.push(0x10);
        varint(&mut bytes, self.metageneration);
        bytes
    }

    /// The headers of an answer that carries this object; without its length.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = self.version_headers();
        self.described.write(&mut headers);
        insert(&mut headers, "last-modified", &http_date(self.modified));
        insert(&mut headers, STORAGE_CLASS, self.described.storage_class());
        headers
    }

    /// The headers of an answer that says what was stored.
    pub fn version_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut number = |name, value: u64| insert(&mut headers, name, &value.to_string());
        number("x-goog-generation", self.generation);
        number("x-goog-metageneration", self.metageneration);
        number("x-goog-stored-content-length", self.size);
        if let Some(components) = self.components {
            number("x-goog-component-count", components.into());
        }
        insert(&mut headers, "etag", &self.etag());
        insert(
            &mut headers,
            "x-goog-stored-content-encoding",
            self.described.encoding(),
        );
        append_hashes(&mut headers, &self.digest, self.components.is_none());
        headers
    }
}

/// `x-goog-hash`, a line each.
pub fn append_hashes(headers: &mut HeaderMap, digest: &Digest, with_md5: bool) {
    let mut append = |value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append("x-goog-hash", value);
        }
    };
    append(format!("crc32c={}", digest.crc32c_text()));
    if with_md5 {
        append(format!("md5={}", digest.md5_text()));
    }
}

/// What came in as a header goes out as one; nothing else is stored.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
}

/// As of RFC 9110, 5.6.7.
pub fn http_date(micros: u64) -> String {
    let since = std::time::Duration::from_secs(micros / 1_000_000);
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since)
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Running;

    fn meta(components: Option<u32>) -> Meta {
        Meta {
            generation: 1_700_000_000_000_000,
            metageneration: 1,
            size: 0,
            digest: Running::new().finish(),
            components,
            modified: 1_700_000_000_000_000,
            described: Described::default(),
        }
    }

    #[test]
    fn the_tag_is_an_md5_only_where_there_is_one() {
        assert_eq!(meta(None).etag(), "\"d41d8cd98f00b204e9800998ecf8427e\"");
        let composed = meta(Some(3)).etag();
        assert!(
            composed.starts_with("\"-CI") && composed.ends_with("EAE=\""),
            "{composed}"
        );
        let headers = meta(Some(3)).headers();
        let hashes: Vec<_> = headers.get_all("x-goog-hash").iter().collect();
        assert_eq!(hashes, ["crc32c=AAAAAA=="]);
        assert_eq!(headers["x-goog-component-count"], "3");
    }

    #[test]
    fn only_what_describes_the_content_is_kept() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("x-goog-meta-colour", "grün"),
            ("authorization", "Bearer x"),
            ("x-goog-if-generation-match", "0"),
        ] {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let described = Described::of(&headers).unwrap();
        assert_eq!(described.0.len(), 2);
        headers.insert("x-goog-meta-large", "x".repeat(9000).parse().unwrap());
        assert!(matches!(
            Described::of(&headers),
            Err(Refusal::MetadataTooLarge)
        ));
    }
}
