//! Who may register as what.

use std::collections::BTreeSet;

use farm_wire::head::Refusal;
use farm_wire::keys::{MasterKey, Standing, is_machine_key, mint, verify_2019, verify_late};
use farm_wire::reverse::{Mode, Registration};

/// Seconds.
const DAY: i64 = 24 * 3600;
/// A key with less than this left is renewed, or with less than half a new one's life if that is shorter.
const RENEW_BEFORE: i64 = 30 * DAY;

/// How long machines' keys are good, in seconds. A key does not say when it was made: what is left of it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLives {
    /// How long after its end a key is still taken.
    pub grace: i64,
    /// How long a renewed key is good; 0: none is renewed.
    pub life: i64,
}

impl KeyLives {
    /// In days.
    #[must_use]
    pub fn days(grace: i64, life: i64) -> Self {
        Self {
            grace: grace * DAY,
            life: life * DAY,
        }
    }
}

impl Default for KeyLives {
    fn default() -> Self {
        Self::days(30, 365)
    }
}

/// The key of one machine, as far as it is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// What it registers as.
    pub host_type: String,
    /// Its name.
    pub machine: String,
    /// When it ends or ended, in Unix seconds.
    pub ends: i64,
}

/// Checks the keys that machines present.
#[derive(Debug)]
pub struct Keys {
    /// What all keys are derived from.
    pub master: MasterKey,
    /// Host types or builder names for which the keys of 2019 are good: one for all machines, for ever.
    pub keys_2019: BTreeSet<String>,
    /// How long those of machines are good.
    pub lives: KeyLives,
}

impl Keys {
    /// Checks every mode of a registration; `now` in Unix seconds.
    ///
    /// # Errors
    /// The refusal for the first mode whose key is not good. The log says why; the peer is not told.
    pub fn check(&self, registration: &Registration, now: i64) -> Result<(), Refusal> {
        let bad = |mode: &Mode| {
            let why = self.fault(mode, &registration.hostname, now)?;
            tracing::warn!(machine = %registration.hostname, mode = %mode.name, %why, "bad key");
            Some(Refusal::bad_key(&mode.name))
        };
        registration
            .modes()
            .iter()
            .find_map(bad)
            .map_or(Ok(()), Err)
    }

    /// The key of its own that the machine registered with, if it did: whoever asks has checked it.
    pub fn own_key(&self, registration: &Registration, now: i64) -> Option<OwnKey> {
        let (host_type, key) = registration.host_type().zip(registration.key())?;
        let mode = Mode {
            name: host_type.to_owned(),
            key: key.to_owned(),
        };
        let standing = self.standing(&mode, &registration.hostname, now)?.ok()?;
        Some(OwnKey {
            host_type: mode.name,
            machine: registration.hostname.clone(),
            ends: standing.expiry().0,
        })
    }

    /// The next key of a machine, if it is time for it.
    pub fn renewed(&self, key: &OwnKey, now: i64) -> Option<(OwnKey, String)> {
        let life = self.lives.life;
        if life == 0 || key.ends - now >= RENEW_BEFORE.min(life / 2) {
            return None;
        }
        let next = OwnKey {
            ends: now + life,
            ..key.clone()
        };
        let text = mint(&self.master, &next.host_type, &next.machine, next.ends);
        Some((next, text))
    }

    /// What a machine's own key is worth; nothing if it is one of 2019.
    fn standing(
        &self,
        mode: &Mode,
        machine: &str,
        now: i64,
    ) -> Option<Result<Standing, farm_wire::keys::KeyError>> {
        let grace = self.lives.grace;
        is_machine_key(&mode.key)
            .then(|| verify_late(&self.master, &mode.key, &mode.name, machine, now, grace))
    }

    fn fault(&self, mode: &Mode, machine: &str, now: i64) -> Option<String> {
        match self.standing(mode, machine, now) {
            Some(Err(error)) => return Some(error.to_string()),
            Some(Ok(Standing::Late(ended))) => {
                tracing::warn!(%machine, ended = ended.0, "its key has ended; it is taken for now");
                return None;
            }
            Some(Ok(Standing::Good(_))) => return None,
            None => {}
        }
        if !self.keys_2019.contains(&mode.name) {
            return Some(
                "not a machine key, and keys of 2019 are not switched on for it".to_owned(),
            );
        }
        let good = verify_2019(&self.master, &mode.key, &mode.name);
        (!good).then(|| "not the key of 2019 for that name".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use farm_wire::keys::{key_2019, mint};
    use farm_wire::reverse::{Claim, RevdialVersion};

    use super::*;

    fn keys(names: &[&str]) -> Keys {
        Keys {
            master: MasterKey::new(b"gophers rule").unwrap(),
            keys_2019: names.iter().map(|name| (*name).to_owned()).collect(),
            lives: KeyLives::days(0, 0),
        }
    }

    fn registration(key: &str) -> Registration {
        Registration {
            hostname: "pi".to_owned(),
            claim: Claim::HostType(Mode {
                name: "host-pi".to_owned(),
                key: key.to_owned(),
            }),
            version: Some(23),
            revdial_version: RevdialVersion::V2,
        }
    }

    #[test]
    fn a_machines_own_key_is_good_for_it_until_it_expires() {
        let keys = keys(&[]);
        let key = mint(&keys.master, "host-pi", "pi", 100);
        assert_eq!(keys.check(&registration(&key), 99), Ok(()));
        let expired = keys.check(&registration(&key), 101).unwrap_err();
        assert_eq!(
            (expired.status, expired.text.as_str()),
            (412, "bad key for mode \"host-pi\"")
        );
        let other = mint(&keys.master, "host-pi", "other", 100);
        assert!(keys.check(&registration(&other), 99).is_err());
    }

    #[test]
    fn keys_of_2019_are_good_where_they_are_switched_on_by_name() {
        let key = key_2019(&keys(&[]).master, "host-pi");
        assert!(keys(&[]).check(&registration(&key), 0).is_err());
        assert!(keys(&["host-mac"]).check(&registration(&key), 0).is_err());
        assert!(keys(&["host-pi"]).check(&registration(&key), 0).is_ok());
        assert!(keys(&["host-pi"]).check(&registration(""), 0).is_err());
    }

    #[test]
    fn a_key_is_renewed_in_its_last_month_and_in_its_grace() {
        let keys = Keys {
            lives: KeyLives::default(),
            ..keys(&[])
        };
        let ends = 1000 * DAY;
        let key = mint(&keys.master, "host-pi", "pi", ends);
        let renewed = |now| {
            keys.check(&registration(&key), now).ok()?;
            let own = keys.own_key(&registration(&key), now)?;
            assert_eq!(own.ends, ends);
            keys.renewed(&own, now)
        };
        assert_eq!(renewed(ends - 30 * DAY), None);
        for now in [ends - 30 * DAY + 1, ends, ends + 30 * DAY - 1] {
            let (next, text) = renewed(now).unwrap();
            assert_eq!(next.ends, now + 365 * DAY);
            let then = next.ends - 1;
            assert_eq!(keys.check(&registration(&text), then), Ok(()));
        }
        assert_eq!(renewed(ends + 30 * DAY), None, "too late to register");
    }

    #[test]
    fn nothing_is_renewed_where_that_is_switched_off_nor_a_key_of_2019() {
        let off = keys(&["host-pi"]);
        let key = mint(&off.master, "host-pi", "pi", 100);
        let own = off.own_key(&registration(&key), 99).unwrap();
        assert_eq!(off.renewed(&own, 99), None);
        let key = key_2019(&off.master, "host-pi");
        assert_eq!(off.own_key(&registration(&key), 99), None);
        // A short life is renewed at its half, not at once again.
        let short = Keys {
            lives: KeyLives::days(0, 2),
            ..off
        };
        let fresh = OwnKey {
            ends: 2 * DAY,
            ..own
        };
        assert_eq!(short.renewed(&fresh, DAY), None);
        assert!(short.renewed(&fresh, DAY + 1).is_some());
    }
}
