//! Names of buckets and objects: <https://cloud.google.com/storage/docs/buckets#naming>, `…/docs/objects#naming`.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::refusal::Refusal;

/// The longest name of a bucket that has dots.
const LONGEST_BUCKET: usize = 222;
/// The longest name of an object, in bytes of UTF-8.
const LONGEST_OBJECT: usize = 1024;

/// The name of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BucketName(String);

impl BucketName {
    /// Checks `text`: lower-case letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let allowed = |b: u8| plain(b) || b"-_.".contains(&b);
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let good = (3..=LONGEST_BUCKET).contains(&bytes.len())
            && bytes.iter().copied().all(allowed)
            && ends.into_iter().flatten().copied().all(plain);
        match good {
            true => Ok(Self(text.to_owned())),
            false => Err(Refusal::InvalidBucketName),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an object is: its bucket and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The bucket.
    pub bucket: BucketName,
    /// The object's name in it.
    pub name: String,
}

impl Place {
    /// Checks both names.
    pub fn new(bucket: &str, name: &str) -> Result<Self, Refusal> {
        let bucket = BucketName::new(bucket)?;
        if name.len() > LONGEST_OBJECT {
            return Err(Refusal::KeyTooLong);
        }
        if name.is_empty() || name.contains(['\r', '\n']) || matches!(name, "." | "..") {
            let reason = "an object's name is not empty, `.` or `..` and has no line breaks";
            return Err(Refusal::InvalidArgument(reason.to_owned()));
        }
        let name = name.to_owned();
        Ok(Self { bucket, name })
    }

    /// One of 256, always the same for this place: which folder it lies in, and which lock guards its changes.
    pub fn shard(&self) -> u8 {
        let mut hash = Sha256::new();
        hash.update(self.bucket.as_str());
        hash.update(b"/");
        hash.update(&self.name);
        hash.finalize()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_the_rules() {
        for good in ["abc", "a-b", "a_b.c9", "0a0"] {
            assert_eq!(BucketName::new(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(223);
        for bad in [
            "", "ab", "-ab", "ab-", ".ab", "Abc", "a b", "a/b", "äbc", &long,
        ] {
            assert!(BucketName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_object_may_have_nearly_any_name() {
        for good in ["a", "a//b/", "/", "é%20 ?#", "...", &"x".repeat(1024)] {
            assert!(Place::new("abc", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a\nb", "\r", &"x".repeat(1025)] {
            assert!(Place::new("abc", bad).is_err(), "{bad:?}");
        }
    }
}
