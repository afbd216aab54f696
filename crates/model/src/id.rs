//! Ids are types, so that a builder's name is never taken for a host type's.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {rule}")]
pub struct IdError {
    /// What was wanted, for people: "builder name".
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl IdError {
    fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { kind, text, rule }
    }
}

/// Reads an id without a copy in between.
struct IdVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err = IdError>> de::Visitor<'_> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:path, $rule:literal) => {
        $(#[$doc])*
        ///
        /// Shared: a clone costs a count, not a copy.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if $valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::new($kind, text, $rule))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(IdVisitor(PhantomData))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A repository as the farm names it: `sample`, `golang/tools`.
    RepoName, "repository name", is_path_name,
    "1 to 200 of letters, digits, '.', '_', '-', and '/' between parts, no part starting with '.'"
);
text_id!(
    /// A builder: a recipe on a host type, `linux-test`.
    BuilderName, "builder name", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// A kind of machine, `host-linux-arm`.
    HostType, "host type", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// A job of a run, `steps` or `test-3`.
    JobName, "job name", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// A hub, stable over its restarts; machine and dialer names begin with it.
    HubId, "hub id", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// One life of a hub process; a new one means that all it drove before is gone.
    HubSession, "hub session", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// A machine known to one hub: `<hub>/<machine name>`.
    MachineId, "machine id", is_path_name,
    "1 to 200 of letters, digits, '.', '_', '-', and '/' between parts, no part starting with '.'"
);
text_id!(
    /// The name that a machine registers with, and that its record in the bucket has.
    MachineName, "machine name", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// Where machines are made, as the settings of `provision` name it: `vms`.
    PoolName, "pool name", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);
text_id!(
    /// A git object name: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
    CommitId, "commit", is_commit, "40 or 64 lower-case hex digits"
);
text_id!(
    /// What clients of 2019 find a log by: the SHA-1 of its text, 40 lower-case hex digits (spec `dashboard.md` 2.2).
    LogHash, "log hash", is_log_hash, "40 lower-case hex digits"
);
text_id!(
    /// Names one build for ever: a hash of what is built (`record::BuildKey::id`), 32 hex digits.
    BuildId, "build id", is_build, "32 lower-case hex digits"
);
text_id!(
    /// A delivery: SHA-256 of the raw body, 64 hex digits.
    DeliveryId, "delivery id", is_digest, "64 lower-case hex digits"
);
text_id!(
    /// A blob: SHA-256 of its content, 64 hex digits.
    BlobId, "blob id", is_digest, "64 lower-case hex digits"
);
text_id!(
    /// A command as its sender named it; the same id twice is one command.
    CommandId, "command id", is_name, "1 to 100 of letters, digits, '.', '_', '-', not starting with '.'"
);

impl CommitId {
    /// The first 8 digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl MachineId {
    /// The id of the machine `name` on `hub`.
    ///
    /// # Errors
    /// When `name` breaks the rule of a machine name.
    pub fn on(hub: &HubId, name: &str) -> Result<Self, IdError> {
        format!("{hub}/{name}").parse()
    }

    /// The name that the machine registered with, if it can have a record.
    #[must_use]
    pub fn name(&self) -> Option<MachineName> {
        let (_, name) = self.0.split_once('/')?;
        name.parse().ok()
    }
}

/// Names one attempt: which run of which build, which job, which try. Written `build/run/job/attempt`, which is
/// also the folder of its log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The build.
    pub build: BuildId,
    /// Its run, from 1.
    pub run: u32,
    /// The job in the run.
    pub job: JobName,
    /// The try of the job, from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.build, self.run, self.job, self.attempt
        )
    }
}

impl FromStr for AttemptKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new("attempt", text, "build/run/job/attempt");
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or_else(wrong);
        let key = Self {
            build: next()?.parse()?,
            run: next()?.parse().map_err(|_| wrong())?,
            job: next()?.parse()?,
            attempt: next()?.parse().map_err(|_| wrong())?,
        };
        if parts.next().is_some() {
            Err(wrong())
        } else {
            Ok(key)
        }
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 100 && is_part(text)
}

fn is_path_name(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

fn is_build(text: &str) -> bool {
    text.len() == 32 && is_hex(text)
}

fn is_log_hash(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for bad in ["", "..", "a/../b", "/a", "a/", ".git", "a b", "a\\b", "ä"] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad:?}");
        }
        assert!("golang/tools".parse::<RepoName>().is_ok());
        assert!("a/b".parse::<BuilderName>().is_err());
    }

    #[test]
    fn an_attempt_key_survives_its_text() {
        let text = format!("{}/1/steps/2", "a".repeat(32));
        assert_eq!(text.parse::<AttemptKey>().unwrap().to_string(), text);
        assert!(format!("{text}/x").parse::<AttemptKey>().is_err());
    }

    #[test]
    fn json_cannot_smuggle_a_bad_id() {
        assert!(serde_json::from_str::<CommitId>("\"HEAD\"").is_err());
    }
}
