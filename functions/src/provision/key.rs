//! The key that a machine boots with: good for half an hour, and once.

use farm_bucket::PutView;
use farm_model::Timestamp;
use farm_model::machine::{MachineRecord, Once};
use farm_model::order::MachineOrder;
use farm_wire::keys::{key_id, mint};
use jiff::SignedDuration;

use super::Provision;

/// For a machine to boot and register. A hub gives it another key then.
const LIFE: SignedDuration = SignedDuration::from_mins(30);

/// What there is for a machine to register with.
pub(super) enum Key {
    /// This.
    Good(String),
    /// A machine of that name has registered before: no key is good once more.
    Used,
    /// The name is another machine's: an operator's.
    Taken,
}

impl Provision {
    /// A key for the machine. It is recorded that it has one to use once, before there is a machine.
    ///
    /// # Errors
    /// The record cannot be written or read.
    pub(super) async fn key(&self, order: &MachineOrder, now: Timestamp) -> Result<Key, String> {
        let expires = now.checked_add(LIFE).map_err(|error| error.to_string())?;
        let (host, machine) = (order.host_type.as_str(), order.machine.as_str());
        let key = mint(&self.key, host, machine, expires.as_second());
        let record = record(order, &key, now, expires);
        let put = self.bucket.put_machine(&record, None).await;
        match put.map_err(|error| error.to_string())? {
            PutView::Written(_) => Ok(Key::Good(key)),
            PutView::Changed => self.recorded(order, key).await,
        }
    }

    /// What is recorded already decides: an earlier try at making it did that, or there is such a machine.
    async fn recorded(&self, order: &MachineOrder, key: String) -> Result<Key, String> {
        let found = self.bucket.get_machine(&order.machine).await;
        let found = found.map_err(|error| error.to_string())?;
        let record = found.ok_or("the machine's record was there a moment ago, and is not")?;
        let record = record.record;
        Ok(match &record.once {
            _ if record.host_type != order.host_type => Key::Taken,
            None => Key::Taken,
            Some(_) if record.is_unused() => Key::Good(key),
            Some(_) => Key::Used,
        })
    }
}

fn record(order: &MachineOrder, key: &str, now: Timestamp, expires: Timestamp) -> MachineRecord {
    MachineRecord {
        name: order.machine.clone(),
        host_type: order.host_type.clone(),
        owner: None,
        labels: order.labels.clone(),
        key_id: key_id(key),
        next_key_id: None,
        created: now,
        issued: now,
        expires,
        revoked_at: None,
        once: Some(Once {
            until: order.until,
            used_at: None,
        }),
    }
}
