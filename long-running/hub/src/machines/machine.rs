//! One connected machine.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farm_model::Timestamp;
use farm_model::id::{HostType, MachineId};
use farm_wire::client::Client;
use farm_wire::revdial::SessionStats;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Reach;
use crate::ledger::{Ledger, Owner};
use crate::metrics::Dials;

/// A machine from its registration, or its first answer where it is dialed, to the end of its connection.
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// What it says it is, and its key confirms.
    pub host_type: HostType,
    /// Its buildlet's version number.
    pub version: i64,
    /// The name it registered with.
    name: String,
    /// Where its record is, if it can have one.
    ledger: Option<Arc<Ledger>>,
    /// Stands for who it is, see [`Machine::identity`].
    identity: String,
    reach: Reach,
    client: Mutex<Client>,
    dials: Dials,
    /// Since when it has been connected.
    since: Instant,
    /// When it last answered anything.
    answered: Mutex<Instant>,
}

impl Machine {
    /// The machine behind `reach`, which `client` uses.
    pub fn new(
        id: MachineId,
        host_type: HostType,
        version: i64,
        name: String,
        (reach, client): (impl Into<Reach>, Client),
    ) -> Self {
        let identity = identity(&name, &host_type, version, "");
        Self {
            id,
            host_type,
            version,
            name,
            ledger: None,
            identity,
            reach: reach.into(),
            client: Mutex::new(client),
            dials: Dials::default(),
            since: Instant::now(),
            answered: Mutex::new(Instant::now()),
        }
    }

    /// Dials of it are counted there.
    #[must_use]
    pub fn counted(mut self, dials: &Dials) -> Self {
        self.dials = dials.clone();
        self
    }

    /// The same, of which a record may be there.
    #[must_use]
    pub fn recorded_in(mut self, ledger: &Arc<Ledger>) -> Self {
        self.ledger = Some(Arc::clone(ledger));
        self
    }

    /// The same, which showed keys with these ids. They follow from a key that was made at `issued`, if its record says so:
    /// a hub gives it the next ones, which do not make it another machine.
    #[must_use]
    pub fn with_keys(mut self, key_ids: &BTreeSet<String>, issued: Option<Timestamp>) -> Self {
        let keys = match issued.filter(|_| !key_ids.is_empty()) {
            Some(issued) => issued.to_string(),
            None => Vec::from_iter(key_ids.iter().map(String::as_str)).join(" "),
        };
        self.identity = identity(&self.name, &self.host_type, self.version, &keys);
        self
    }

    /// What it can do beyond its host type, as its record was read last: that may change, or come late.
    pub fn labels(&self) -> BTreeSet<String> {
        let ledger = self.ledger.as_ref();
        ledger.map_or_else(BTreeSet::new, |ledger| ledger.labels(&self.name))
    }

    /// A digest of its name, host type, buildlet's version and of what its keys follow from: if one of them changes, it is
    /// another machine as far as trust goes.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whose it is, as its record was read last.
    pub fn owner(&self) -> Owner {
        let ledger = self.ledger.as_ref();
        ledger.map_or_else(Owner::default, |ledger| ledger.owner(&self.name))
    }

    /// The name it registered with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of reverse dialing that it speaks, or that it is dialed.
    pub fn protocol(&self) -> &'static str {
        self.reach.protocol()
    }

    /// What its session did so far, if it has one.
    pub fn stats(&self) -> Option<SessionStats> {
        self.reach.stats()
    }

    /// For how long it has been connected.
    pub fn connected_for(&self) -> Duration {
        self.since.elapsed()
    }

    /// It has just answered.
    pub fn answered(&self) {
        *self.answered.lock() = Instant::now();
    }

    /// How long ago it was last heard of: an answer, a line, a pick-up.
    pub fn silent_for(&self) -> Duration {
        let answered = self.answered.lock().elapsed();
        let session = self.stats().map(|stats| stats.last_received);
        session.map_or(answered, |received| received.min(answered))
    }

    /// A handle on its buildlet; a fresh one if the last was given up.
    pub fn client(&self) -> Client {
        let mut client = self.client.lock();
        if client.is_broken() {
            *client = self.fresh_client();
        }
        client.clone()
    }

    /// A handle that has to dial anew: to find out whether the machine can still be reached.
    pub fn fresh_client(&self) -> Client {
        self.reach.client(&self.name, &self.dials)
    }

    /// Whether a time-out showed that the last handle should not be used again.
    pub fn client_is_broken(&self) -> bool {
        self.client.lock().is_broken()
    }

    /// Ends the connection to it.
    pub fn close(&self) {
        self.reach.close();
    }

    /// Whether the connection to it has ended, or is about to.
    pub fn is_closed(&self) -> bool {
        self.reach.is_closed()
    }

    /// Returns when that has ended.
    pub async fn closed(&self) {
        self.reach.closed().await;
    }
}

/// 16 hex digits. Lines, as none of these holds a line's end.
fn identity(name: &str, host_type: &HostType, version: i64, keys: &str) -> String {
    let digest = Sha256::digest(format!("{name}\n{host_type}\n{version}\n{keys}\n"));
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
