//! `machines/<name>.json` in the bucket: whose a machine is, and which key is good for it. Written by the operator
//! (`farm machine`), and by a hub that gives a connected machine its next key; read by hubs.

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
    /// When its key was made.
    pub issued: Timestamp,
    /// When its key ends.
    pub expires: Timestamp,
    /// Since when no key is good for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
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
        let good = |id: &str| id == self.key_id || Some(id) == self.next_key_id.as_deref();
        if key_ids.into_iter().all(good) {
            Ok(())
        } else {
            Err(Barred::Replaced(self.issued))
        }
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
}
