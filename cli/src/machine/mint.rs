//! A key, and what is recorded of it.

use anyhow::Context;
use farm_model::id::{HostType, MachineName};
use farm_model::machine::MachineRecord;
use farm_wire::keys::{MasterKey, key_id, mint};
use jiff::{SignedDuration, Timestamp};

/// A machine's new key.
pub struct Minted {
    /// The key: for the machine, and nobody else.
    pub key: String,
    /// Its id.
    pub id: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// Makes a key that is not the one `before`: keys of a machine differ by when they end, to the second.
///
/// # Errors
/// It would end after the end of time.
pub fn minted(
    master: &MasterKey,
    (name, host_type): (&MachineName, &HostType),
    days: i64,
    now: Timestamp,
    before: Option<&MachineRecord>,
) -> anyhow::Result<Minted> {
    let far = || format!("{days} days are too many");
    let mut ends = now
        .checked_add(SignedDuration::from_hours(24 * days))
        .with_context(far)?
        .as_second();
    loop {
        let key = mint(master, host_type.as_str(), name.as_str(), ends);
        let id = key_id(&key);
        if before.is_none_or(|record| record.key_id != id) {
            let expires = Timestamp::from_second(ends).with_context(far)?;
            return Ok(Minted { key, id, expires });
        }
        ends += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_made_in_the_same_second_is_another_one() {
        let master = MasterKey::new(b"secret").unwrap();
        let (name, host) = ("attic".parse().unwrap(), "rpi4".parse().unwrap());
        let now = Timestamp::UNIX_EPOCH;
        let first = minted(&master, (&name, &host), 1, now, None).unwrap();
        let record = MachineRecord {
            name: name.clone(),
            host_type: host.clone(),
            owner: None,
            labels: Default::default(),
            key_id: first.id.clone(),
            next_key_id: None,
            created: now,
            issued: now,
            expires: first.expires,
            revoked_at: None,
            once: None,
        };
        let second = minted(&master, (&name, &host), 1, now, Some(&record)).unwrap();
        assert_ne!((first.key, first.id), (second.key, second.id));
    }
}
