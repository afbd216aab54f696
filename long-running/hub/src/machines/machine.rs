//! One connected machine.

use farm_model::id::{HostType, MachineId};
use farm_wire::client::Client;
use parking_lot::Mutex;

use super::Reach;

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
    owner: Option<String>,
    reach: Reach,
    client: Mutex<Client>,
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
        Self {
            id,
            host_type,
            version,
            name,
            owner: None,
            reach: reach.into(),
            client: Mutex::new(client),
        }
    }

    /// The same, which belongs to `owner`.
    #[must_use]
    pub fn owned_by(self, owner: Option<String>) -> Self {
        Self { owner, ..self }
    }

    /// Whose it is, where its record says so.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
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
        self.reach.client(&self.name)
    }

    /// Whether a time-out showed that the last handle should not be used again.
    pub fn client_is_broken(&self) -> bool {
        self.client.lock().is_broken()
    }

    /// Ends the connection to it.
    pub fn close(&self) {
        self.reach.close();
    }

    /// Returns when that has ended.
    pub async fn closed(&self) {
        self.reach.closed().await;
    }
}
