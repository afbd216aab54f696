//! What a machine proves itself with: keys of its own that expire, and the keys of 2019 (`buildlet.md` 7.2).
//!
//! A machine's key is `fm1.<host type>.<machine>.<expiry>.<mac>`: names percent-encoded so that they hold no dot, expiry
//! in Unix seconds, mac the HMAC-SHA256 in hex of all that stands before its dot. Keys of 2019 are the HMAC-MD5 of a
//! name in hex; one key serves all machines of a type, never expires, and cannot be taken back singly.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const SCHEME: &str = "fm1";
pub(crate) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
/// Names of people's keys of 2019, which come from the same master key.
const PERSONAL: &str = "user-";

/// The secret from which keys are made.
#[derive(Clone)]
pub struct MasterKey(Vec<u8>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// An empty master key would make every key guessable.
#[derive(Debug, thiserror::Error)]
#[error("the master key is empty")]
pub struct EmptyMasterKey;

impl MasterKey {
    /// The secret without white space around it.
    ///
    /// # Errors
    /// It is empty.
    pub fn new(secret: &[u8]) -> Result<Self, EmptyMasterKey> {
        match secret.trim_ascii() {
            [] => Err(EmptyMasterKey),
            secret => Ok(Self(secret.to_vec())),
        }
    }

    /// Another secret, for `purpose` alone: it says nothing of this one, nor of those for other purposes.
    pub(crate) fn derive(&self, purpose: &str) -> Vec<u8> {
        mac_of::<Hmac<Sha256>>(self, &format!("farm derived key: {purpose}"))
    }
}

/// When a key ends, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(pub i64);

/// Why a machine's key was not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has not the form of a machine's key.
    #[error("not a machine key")]
    Malformed,
    /// Its mac is not ours.
    #[error("forged, or made with another master key")]
    Forged,
    /// It is for another host type.
    #[error("made for another host type")]
    OtherHostType,
    /// It is for another machine.
    #[error("made for another machine")]
    OtherMachine,
    /// Its time is over, and so is any grace.
    #[error("expired at {at} (Unix seconds)")]
    Expired {
        /// Unix seconds.
        at: i64,
    },
}

/// Makes the key of `machine` (the name it registers with) of `host_type`, good before `expires` (Unix seconds).
#[must_use]
pub fn mint(master: &MasterKey, host_type: &str, machine: &str, expires: i64) -> String {
    let host_type = utf8_percent_encode(host_type, PLAIN);
    let machine = utf8_percent_encode(machine, PLAIN);
    let claim = format!("{SCHEME}.{host_type}.{machine}.{expires}");
    let mac = hex::encode(mac_sha256(master, &claim));
    format!("{claim}.{mac}")
}

/// What names a key without giving it away: the first 16 hex digits of its SHA-256.
#[must_use]
pub fn key_id(key: &str) -> String {
    let digest = Sha256::digest(key.trim().as_bytes());
    hex::encode(&digest[..8])
}

/// Whether `presented` claims to be a machine's key rather than one of 2019.
#[must_use]
pub fn is_machine_key(presented: &str) -> bool {
    presented
        .strip_prefix(SCHEME)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// A key that is accepted, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its time is not over.
    Good(Expiry),
    /// Its time is over, but not its grace: to be renewed at once.
    Late(Expiry),
}

impl Standing {
    /// When the key ends, or did.
    #[must_use]
    pub fn expiry(self) -> Expiry {
        match self {
            Self::Good(expiry) | Self::Late(expiry) => expiry,
        }
    }
}

/// Checks a key against what the machine says it is, at `now` (Unix seconds), without any grace.
///
/// # Errors
/// [`KeyError`]; nothing of a forged key is looked at.
pub fn verify(
    master: &MasterKey,
    presented: &str,
    host_type: &str,
    machine: &str,
    now: i64,
) -> Result<Expiry, KeyError> {
    verify_late(master, presented, host_type, machine, now, 0).map(Standing::expiry)
}

/// The same for a machine that may have been switched off when its key ended: for `grace` seconds more the key is taken.
/// Everything else about it must be right all the same.
///
/// # Errors
/// [`KeyError`]; nothing of a forged key is looked at.
pub fn verify_late(
    master: &MasterKey,
    presented: &str,
    host_type: &str,
    machine: &str,
    now: i64,
    grace: i64,
) -> Result<Standing, KeyError> {
    let (claim, mac) = presented.rsplit_once('.').ok_or(KeyError::Malformed)?;
    if !is_machine_key(claim) {
        return Err(KeyError::Malformed);
    }
    if !same(
        hex::encode(mac_sha256(master, claim)).as_bytes(),
        mac.as_bytes(),
    ) {
        return Err(KeyError::Forged);
    }
    let fields: Vec<&str> = claim.split('.').collect();
    let &[_, for_type, for_machine, expires] = fields.as_slice() else {
        return Err(KeyError::Malformed);
    };
    if names(for_type).as_deref() != Some(host_type) {
        return Err(KeyError::OtherHostType);
    }
    if names(for_machine).as_deref() != Some(machine) {
        return Err(KeyError::OtherMachine);
    }
    let at: i64 = expires.parse().map_err(|_| KeyError::Malformed)?;
    if now < at {
        Ok(Standing::Good(Expiry(at)))
    } else if now < at.saturating_add(grace) {
        Ok(Standing::Late(Expiry(at)))
    } else {
        Err(KeyError::Expired { at })
    }
}

/// The key of 2019 for a host type or builder name.
#[must_use]
pub fn key_2019(master: &MasterKey, name: &str) -> String {
    hex::encode(mac_of::<Hmac<Md5>>(master, name))
}

/// Whether `presented` is the key of 2019 for a host type or builder. Names of people (`user-…`) are never machines.
#[must_use]
pub fn verify_2019(master: &MasterKey, presented: &str, name: &str) -> bool {
    let right = same(key_2019(master, name).as_bytes(), presented.as_bytes());
    right && !name.starts_with(PERSONAL) && !name.is_empty()
}

/// The name that `encoded` stands for, if it stands for one.
pub(crate) fn names(encoded: &str) -> Option<String> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

/// Compares in constant time; nothing is the same as an empty text.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    !a.is_empty() && bool::from(a.ct_eq(b))
}

impl MasterKey {
    /// The key for `purpose` alone.
    pub(crate) fn key_for(&self, purpose: &str) -> Self {
        Self(self.derive(purpose))
    }
}

/// HMAC-SHA256 of `text`.
pub(crate) fn mac_sha256(key: &MasterKey, text: &str) -> Vec<u8> {
    mac_of::<Hmac<Sha256>>(key, text)
}

fn mac_of<M: Mac + KeyInit>(master: &MasterKey, text: &str) -> Vec<u8> {
    // HMAC takes keys of any length: the error cannot happen, and `same` takes an empty mac for no match.
    M::new_from_slice(&master.0)
        .map(|mac| {
            mac.chain_update(text.as_bytes())
                .finalize()
                .into_bytes()
                .to_vec()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::new(b" gophers rule\n").unwrap()
    }

    #[test]
    fn keys_of_2019_are_the_published_ones() {
        let known = [
            ("host-linux-foo", "2c3751c948a3f763672397642ac5515c"),
            ("linux-amd64", "8b3dbf220b21848be6884e982b34702e"),
            ("user-gopher", "875a7345b291621360b36e62a0fc6a14"),
        ];
        for (name, key) in known {
            assert_eq!(key_2019(&master(), name), key);
        }
        assert!(verify_2019(&master(), known[0].1, "host-linux-foo"));
        assert!(!verify_2019(&master(), known[1].1, "host-linux-foo"));
        assert!(!verify_2019(&master(), "", "host-linux-foo"));
        assert!(
            !verify_2019(&master(), known[2].1, "user-gopher"),
            "a person is no machine"
        );
    }

    #[test]
    fn an_empty_master_key_is_refused() {
        assert!(MasterKey::new(b" \n").is_err());
        assert_eq!(format!("{:?}", master()), "MasterKey(…)");
    }

    #[test]
    fn a_machines_key_is_good_for_that_machine_until_it_expires() {
        let key = mint(&master(), "host-linux-a.b", "pi.example.org", 100);
        assert!(
            key.starts_with("fm1.host-linux-a%2Eb.pi%2Eexample%2Eorg.100."),
            "{key}"
        );
        let check = |host_type, machine, now| verify(&master(), &key, host_type, machine, now);
        assert_eq!(
            check("host-linux-a.b", "pi.example.org", 99),
            Ok(Expiry(100))
        );
        assert_eq!(
            check("host-linux-a.b", "pi.example.org", 100),
            Err(KeyError::Expired { at: 100 })
        );
        assert_eq!(
            check("host-linux-a", "pi.example.org", 99),
            Err(KeyError::OtherHostType)
        );
        assert_eq!(
            check("host-linux-a.b", "pi2", 99),
            Err(KeyError::OtherMachine)
        );
    }

    #[test]
    fn a_late_key_is_taken_within_its_grace_and_for_nothing_else() {
        let key = mint(&master(), "h", "m", 100);
        let check = |machine, now, grace| verify_late(&master(), &key, "h", machine, now, grace);
        assert_eq!(check("m", 99, 50), Ok(Standing::Good(Expiry(100))));
        assert_eq!(check("m", 100, 50), Ok(Standing::Late(Expiry(100))));
        assert_eq!(check("m", 149, 50), Ok(Standing::Late(Expiry(100))));
        assert_eq!(check("m", 150, 50), Err(KeyError::Expired { at: 100 }));
        assert_eq!(check("m", 100, 0), Err(KeyError::Expired { at: 100 }));
        assert_eq!(check("other", 120, 50), Err(KeyError::OtherMachine));
        let forged = key.replace(".100.", ".110.");
        let late = verify_late(&master(), &forged, "h", "m", 120, 50);
        assert_eq!(late, Err(KeyError::Forged));
        // A time without end does not run over.
        let endless = mint(&master(), "h", "m", i64::MAX);
        assert!(verify_late(&master(), &endless, "h", "m", 0, i64::MAX).is_ok());
    }

    #[test]
    fn a_changed_key_is_forged() {
        let key = mint(&master(), "h", "m", 100);
        let later = key.replace(".100.", ".999.");
        assert_eq!(
            verify(&master(), &later, "h", "m", 1),
            Err(KeyError::Forged)
        );
        let other = MasterKey::new(b"other").unwrap();
        assert_eq!(verify(&other, &key, "h", "m", 1), Err(KeyError::Forged));
        assert_eq!(
            verify(&master(), "2c3751c948a3f763672397642ac5515c", "h", "m", 1),
            Err(KeyError::Malformed)
        );
        assert_eq!(
            verify(&master(), "fm1.h.m.100.", "h", "m", 1),
            Err(KeyError::Forged)
        );
    }

    #[test]
    fn a_keys_id_is_its_own_and_says_nothing_of_the_key() {
        let (key, other) = (mint(&master(), "h", "m", 1), mint(&master(), "h", "m", 2));
        let id = key_id(&key);
        assert_eq!(id, key_id(&format!("{key}\n")));
        assert_ne!(id, key_id(&other));
        assert!(id.len() == 16 && !key.contains(&id), "{id}");
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_master() {
        let other = MasterKey::new(b"other").unwrap();
        let keys = [
            master().derive("a"),
            master().derive("b"),
            other.derive("a"),
        ];
        assert!(keys.iter().all(|key| key.len() == 32));
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    }

    #[test]
    fn no_two_claims_share_a_text() {
        let texts = [("a.b", "c"), ("a", "b.c"), ("a%2Eb", "c"), ("", "a.b.c")];
        let keys: std::collections::HashSet<_> = texts
            .iter()
            .map(|(h, m)| mint(&master(), h, m, 1))
            .collect();
        assert_eq!(keys.len(), texts.len());
    }
}
