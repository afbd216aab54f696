//! Names of sessions.

use std::fmt;
use std::io;

use crate::random;

/// The name of one session: the hub's id, a dash, 128 random bits in hex. Beginning with the hub's id, it tells any hub
/// behind a shared address whose pick-up it is holding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DialerId(String);

/// A hub's id cannot stand in a dialer id.
#[derive(Debug, thiserror::Error)]
#[error("hub id {0:?} is not 1 to 40 characters of a-z, 0-9 and -")]
pub struct BadHubId(String);

impl DialerId {
    /// A new one of `hub`, which was checked by [`check_hub`].
    pub(super) fn random(hub: &str) -> io::Result<Self> {
        Ok(Self(format!("{hub}-{}", random::hex128()?)))
    }

    /// The hub's part.
    #[must_use]
    pub fn hub(&self) -> &str {
        hub_of(&self.0).unwrap_or_default()
    }

    /// As it stands in `connPath`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DialerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hub's part of a dialer id as it came over the wire.
pub(super) fn hub_of(id: &str) -> Option<&str> {
    let (hub, random) = id.rsplit_once('-')?;
    let whole = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(hub).filter(|_| whole)
}

pub(super) fn check_hub(hub: &str) -> Result<(), BadHubId> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=40).contains(&hub.len()) && hub.bytes().all(plain) {
        return Ok(());
    }
    Err(BadHubId(hub.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_hub() {
        let id = DialerId::random("hub-eu-1").unwrap();
        assert_eq!(id.hub(), "hub-eu-1");
        assert_ne!(id, DialerId::random("hub-eu-1").unwrap());
        assert_eq!(hub_of("0320ba432ca69edd4116496bccc8cb84"), None);
        assert_eq!(hub_of("hub-1"), None);
    }

    #[test]
    fn a_hub_id_must_fit_a_query() {
        assert!(check_hub("hub-1").is_ok());
        for bad in ["", "Hub", "a&b", "a_b", &"x".repeat(41)] {
            assert!(check_hub(bad).is_err(), "{bad:?}");
        }
    }
}
