//! `machines/<name>.json` in the bucket: whose a machine is, and which key is good for it. Written by the operator
//! (`farm machine`), by whoever has a machine made, and by a hub that gives a connected machine its next key; read by hubs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{HostType, MachineName};

/// What is recorded of a machine. Never its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// The name it registers with.
    pub name: MachineName,
    /// What it is.
    pub host_type: HostType,
    /// Who is told when it is missing: an e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it can do beyond its host type: at most [`MachineRecord::LABELS`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// The one key that is good for it, by a short digest of the key: 16 hex digits.
    pub key_id: String,
    /// The key that a hub has given it to go on with; until it comes with that, the one before is good too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key_id: Option<String>,
    /// When it was first recorded.
    pub created: Timestamp,
    /// When its key was made, or that from which its keys follow: those that hubs give it do not change this.
    pub issued: Timestamp,
    /// When its key ends.
    pub expires: Timestamp,
    /// Since when no key is good for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Of a machine that a pool makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
}

/// A machine's first key travels with what it boots from, where others may come to read it: it is good once. Until then any
/// right key of that name is, since each try at making the machine has its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// No key of the machine is good from then on.
    pub until: Timestamp,
    /// When it registered for the first time. From then on the recorded key is good, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// Why a key is not good for a machine, whatever its signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// No key is.
    #[error("the machine was revoked at {0}")]
    Revoked(Timestamp),
    /// Another one is.
    #[error("the key was replaced by one made at {0}")]
    Replaced(Timestamp),
    /// Its time is over.
    #[error("the machine was to go at {0}")]
    Over(Timestamp),
}

impl MachineRecord {
    /// The most labels of one machine: heartbeats carry them.
    pub const LABELS: usize = 8;

    /// Whether this can be a label: up to 32 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-` and `=`.
    #[must_use]
    pub fn is_label(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=".contains(&byte);
        (1..=32).contains(&text.len()) && text.bytes().all(plain)
    }

    /// Whether a machine may use these keys (by their ids). One without a key of its own, as of 2019, can only be revoked.
    ///
    /// # Errors
    /// Why not.
    pub fn admits<'a>(&self, key_ids: impl IntoIterator<Item = &'a str>) -> Result<(), Barred> {
        if let Some(at) = self.revoked_at {
            return Err(Barred::Revoked(at));
        }
        if self.is_unused() {
            return Ok(());
        }
        let good = |id: &str| id == self.key_id || Some(id) == self.next_key_id.as_deref();
        if key_ids.into_iter().all(good) {
            Ok(())
        } else {
            Err(Barred::Replaced(self.issued))
        }
    }

    /// Whether its time is not over.
    ///
    /// # Errors
    /// It is.
    pub fn in_time(&self, now: Timestamp) -> Result<(), Barred> {
        match &self.once {
            Some(once) if once.until <= now => Err(Barred::Over(once.until)),
            _ => Ok(()),
        }
    }

    /// Whether its first key is still to be used.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.once
            .as_ref()
            .is_some_and(|once| once.used_at.is_none())
    }

    /// It has registered with its first key at `now`, and goes on with `next`; nothing where that is no key for once.
    #[must_use]
    pub fn used(&self, next: &str, now: Timestamp) -> Option<Self> {
        let until = self.once.as_ref().filter(|_| self.is_unused())?.until;
        Some(Self {
            key_id: next.to_owned(),
            next_key_id: None,
            issued: now,
            expires: until,
            once: Some(Once {
                until,
                used_at: Some(now),
            }),
            ..self.clone()
        })
    }

    /// The machine, which came with the key `present`, goes on with `next` until `expires`.
    #[must_use]
    pub fn renewed(&self, present: &str, next: &str, expires: Timestamp) -> Self {
        Self {
            key_id: present.to_owned(),
            next_key_id: Some(next.to_owned()),
            expires,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_words() {
        for good in ["gpu", "disk=fast", "v1.2_x-y", &"a".repeat(32)] {
            assert!(MachineRecord::is_label(good), "{good}");
        }
        for bad in ["", "two words", "a,b", "ä", &"a".repeat(33)] {
            assert!(!MachineRecord::is_label(bad), "{bad}");
        }
    }

    fn record() -> MachineRecord {
        serde_json::from_value(serde_json::json!({
            "name": "attic", "host_type": "rpi4", "key_id": "0123456789abcdef",
            "created": "2026-01-01T00:00:00Z", "issued": "2026-02-01T00:00:00Z", "expires": "2027-02-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn the_recorded_key_is_good_and_no_other() {
        let record = record();
        assert_eq!(record.admits(["0123456789abcdef"]), Ok(()));
        assert_eq!(record.admits([]), Ok(()));
        let replaced = Err(Barred::Replaced(record.issued));
        assert_eq!(record.admits(["fedcba9876543210"]), replaced);
        assert_eq!(
            record.admits(["0123456789abcdef", "fedcba9876543210"]),
            replaced
        );
    }

    #[test]
    fn a_machine_that_was_given_its_next_key_may_come_with_either() {
        let given = record().renewed("0123456789abcdef", "2222", record().expires);
        for key in ["0123456789abcdef", "2222"] {
            assert_eq!(given.admits([key]), Ok(()));
        }
        // It came with the next one: the one before is over once there is a third.
        let again = given.renewed("2222", "3333", record().expires);
        assert!(again.admits(["0123456789abcdef"]).is_err());
        assert_eq!(again.admits(["3333"]), Ok(()));
    }

    #[test]
    fn no_key_is_good_for_a_machine_that_was_revoked() {
        let mut record = record();
        let at = record.issued;
        record.revoked_at = Some(at);
        for keys in [&["0123456789abcdef"][..], &[]] {
            assert_eq!(
                record.admits(keys.iter().copied()),
                Err(Barred::Revoked(at))
            );
        }
    }

    #[test]
    fn a_key_for_once_is_good_until_it_is_used_and_then_only_the_next_one_is() {
        let (now, until) = (record().issued, record().expires);
        let once = Once {
            until,
            used_at: None,
        };
        let made = MachineRecord {
            once: Some(once),
            ..record()
        };
        // Each try at making it has a key of its own.
        for key in ["0123456789abcdef", "1111"] {
            assert_eq!(made.admits([key]), Ok(()));
        }
        let used = made.used("2222", now).unwrap();
        assert_eq!(used.admits(["2222"]), Ok(()));
        for key in ["0123456789abcdef", "1111"] {
            assert_eq!(used.admits([key]), Err(Barred::Replaced(now)));
        }
        assert_eq!(used.used("3333", now), None);
        assert_eq!(record().used("3333", now), None);
        assert_eq!(used.in_time(now), Ok(()));
        assert_eq!(used.in_time(until), Err(Barred::Over(until)));
        assert_eq!(record().in_time(until), Ok(()));
    }
}
