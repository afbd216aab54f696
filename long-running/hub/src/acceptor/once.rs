//! Machines that a pool makes, as they register: with a key that is good once, and then with the one that they got for it.

use farm_model::machine::MachineRecord;
use farm_wire::head::Refusal;
use farm_wire::keys::{key_id, mint};

use super::Doors;
use super::keys::OwnKey;
use super::reverse::Guest;

/// Whether the time of the machine, and of a key that is good once, is not over: there is no grace for either.
///
/// # Errors
/// What to tell it. The log says why.
pub(super) fn in_time(guest: &Guest, doors: &Doors) -> Result<(), Refusal> {
    let Some(record) = doors.ledger.made(&guest.name) else {
        return Ok(());
    };
    let now = doors.identity.now();
    let ended = guest
        .key
        .as_ref()
        .is_none_or(|key| key.ends <= now.as_second());
    let why = match record.in_time(now) {
        Err(over) => over.to_string(),
        Ok(()) if record.host_type != guest.host_type => {
            "its pool made another host type".to_owned()
        }
        Ok(()) if record.is_unused() && ended => "its first key has ended unused".to_owned(),
        Ok(()) => return Ok(()),
    };
    tracing::warn!(machine = %guest.name, mode = %guest.host_type, %why, "bad key");
    Err(Refusal::bad_key(&guest.bearer.host_type))
}

/// Where the machine's key is good once, uses it up, and has the guest get the next one.
///
/// # Errors
/// What to tell it.
pub(super) async fn use_up(guest: &mut Guest, doors: &Doors) -> Result<(), Refusal> {
    let record = doors.ledger.made(&guest.name);
    let Some(record) = record.filter(|record| record.is_unused()) else {
        return Ok(());
    };
    let (Some(key), Some(until)) = (&guest.key, until(&record)) else {
        return Err(Refusal::bad_key(&guest.bearer.host_type));
    };
    let next = next(key, until, doors);
    let id = key_id(&next);
    doors
        .ledger
        .use_up(&guest.bearer, &id, doors.identity.now())
        .await?;
    guest.bearer.key_ids = [id].into();
    guest.next = Some(next);
    Ok(())
}

/// When the machine goes, in Unix seconds.
fn until(record: &MachineRecord) -> Option<i64> {
    record.once.as_ref().map(|once| once.until.as_second())
}

/// The key that the machine has until it goes: another one than that with which it came, whenever that ends.
fn next(key: &OwnKey, until: i64, doors: &Doors) -> String {
    let ends = until + i64::from(until == key.ends);
    mint(&doors.keys.master, &key.host_type, &key.machine, ends)
}
