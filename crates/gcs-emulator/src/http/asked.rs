//! Which resource a path names, and what its query says.

use percent_encoding::percent_decode_str;

use crate::names::{BucketName, Place};
use crate::refusal::Refusal;

/// Parts of buckets and objects that this emulator does not have: `…/reference-headers#query`.
const UNKNOWN: [&str; 20] = [
    "acl",
    "billing",
    "compose",
    "cors",
    "customPlacementConfig",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "encryptionConfig",
    "lifecycle",
    "location",
    "logging",
    "object-lock",
    "retention",
    "storageClass",
    "tagging",
    "upload_id",
    "versioning",
    "versions",
    "websiteConfig",
];

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// All buckets.
    Service,
    /// One.
    Bucket(BucketName),
    /// An object in one.
    Object(Place),
}

impl Target {
    /// Of `/`, `/bucket` or `/bucket/object`, encoded as in a URL. An object's name may have slashes, encoded or not.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
        match (bucket, name) {
            ("", "") => Ok(Self::Service),
            (bucket, "") => Ok(Self::Bucket(BucketName::new(&decode(bucket)?)?)),
            (bucket, name) => Ok(Self::Object(Place::new(&decode(bucket)?, &decode(name)?)?)),
        }
    }
}

/// What stands behind percent signs.
pub fn decode(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    let wrong = |_| Refusal::InvalidArgument("the name is not UTF-8".to_owned());
    decoded.map(|text| text.into_owned()).map_err(wrong)
}

/// The query of a URL.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decoded; what is not UTF-8 is replaced.
    pub fn parse(query: &str) -> Self {
        let text = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(key, value)| (text(key), text(value))).collect())
    }

    /// The value of `key`; of one that is there twice, the first.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether `key` is there, with or without a value.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of `key`, if there is one that reads.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let wrong = |_| Refusal::InvalidArgument(format!("{key} is a number"));
        self.get(key)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }

    /// Refuses what would otherwise be taken for a request without it.
    pub fn refuse_unknown(&self) -> Result<(), Refusal> {
        match UNKNOWN.into_iter().find(|key| self.has(key)) {
            Some(key) => Err(Refusal::NotImplemented(format!("?{key}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_resource() {
        let object = |name: &str| Target::Object(Place::new("abc", name).unwrap());
        for (path, expected) in [
            ("/", Target::Service),
            ("/abc", Target::Bucket(BucketName::new("abc").unwrap())),
            ("/abc/", Target::Bucket(BucketName::new("abc").unwrap())),
            ("/abc/a/b", object("a/b")),
            ("/abc/a%2Fb%20%C3%A9", object("a/b é")),
            ("/abc//", object("/")),
            ("/abc/a+b", object("a+b")),
        ] {
            assert_eq!(Target::parse(path).unwrap(), expected, "{path}");
        }
        for bad in ["/A", "//x", "/abc/%ff", "/abc/.."] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_is_decoded() {
        let query = Query::parse("list-type=2&prefix=a%2Fb+c&uploads&&x=1&x=2");
        assert_eq!(query.get("prefix"), Some("a/b c"));
        assert!(query.has("uploads"));
        assert_eq!(query.number("x").unwrap(), Some(1));
        assert!(query.number("prefix").is_err());
        assert!(query.refuse_unknown().is_ok());
        assert!(Query::parse("acl").refuse_unknown().is_err());
    }
}
