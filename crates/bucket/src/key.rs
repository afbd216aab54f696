//! Names of objects.

use std::fmt;

use object_store::path::Path;

use crate::BucketError;

/// The longest key that S3 and GCS take, less room for a prefix.
const LONGEST: usize = 900;

/// A file system's 255, less the suffix of a file that is being written.
const LONGEST_PART: usize = 240;

/// A key that every store takes as it is: `[A-Za-z0-9._/=-]`, no part empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Path);

impl Key {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, BucketError> {
        let refused = |rule| BucketError::Key {
            key: text.chars().take(200).collect(),
            rule,
        };
        check(text).map_err(refused)?;
        Path::parse(text)
            .map(Self)
            .map_err(|_| refused("the store refuses it"))
    }

    /// As `object_store` takes it.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/=-".contains(&b);
    if !text.bytes().all(allowed) {
        return Err("only letters, digits and . _ / = - are allowed");
    }
    if text.len() > LONGEST {
        return Err("it has more than 900 characters");
    }
    for part in text.split('/') {
        match part {
            "" => return Err("a part between two / is empty"),
            "." | ".." => return Err("no part may be . or .."),
            _ if part.len() > LONGEST_PART => return Err("a part has more than 240 characters"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_a_folder_or_be_encoded_is_refused() {
        let long = "a/".repeat(500) + "a";
        let long_part = "a".repeat(241);
        for bad in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a%2e", "a#1", "a\\b",
            "é", "a\0", "~a", "a:b", &long, &long_part,
        ] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_stays_as_it_is() {
        for good in [
            "a",
            "views/grid/golang/tools/-/x=2fy.json",
            "a/.hidden",
            "...",
            "-",
        ] {
            assert_eq!(Key::new(good).unwrap().to_string(), good);
        }
    }
}
