//! Who may register as what.

use std::collections::BTreeSet;

use farm_wire::head::Refusal;
use farm_wire::keys::{MasterKey, is_machine_key, verify, verify_2019};
use farm_wire::reverse::{Mode, Registration};

/// Checks the keys that machines present.
#[derive(Debug)]
pub struct Keys {
    /// What all keys are derived from.
    pub master: MasterKey,
    /// Host types or builder names for which the keys of 2019 are good: one for all machines, for ever.
    pub keys_2019: BTreeSet<String>,
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

    fn fault(&self, mode: &Mode, machine: &str, now: i64) -> Option<String> {
        if is_machine_key(&mode.key) {
            let checked = verify(&self.master, &mode.key, &mode.name, machine, now);
            return checked.err().map(|error| error.to_string());
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
}
