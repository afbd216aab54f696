//! One connected machine.

use std::sync::Arc;

use farm_model::id::{HostType, MachineId};
use farm_wire::client::Client;
use farm_wire::revdial::Dialer;
use parking_lot::Mutex;

/// A machine from its registration to the end of its control connection.
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// What it says it is, and its key confirms.
    pub host_type: HostType,
    /// Its buildlet's version number.
    pub version: i64,
    /// The name it registered with.
    name: String,
    dialer: Dialer,
    client: Mutex<Client>,
}

impl Machine {
    /// The machine behind `dialer`, which `client` reaches.
    pub fn new(
        id: MachineId,
        host_type: HostType,
        version: i64,
        name: String,
        (dialer, client): (Dialer, Client),
    ) -> Self {
        Self {
            id,
            host_type,
            version,
            name,
            dialer,
            client: Mutex::new(client),
        }
    }

    /// A handle on its buildlet; a fresh one if the last was given up.
    pub fn client(&self) -> Client {
        let mut client = self.client.lock();
        if client.is_broken() {
            *client = self.fresh_client();
        }
        client.clone()
    }

    /// A handle that has to dial anew: to find out whether the control connection lives.
    pub fn fresh_client(&self) -> Client {
        client_of(&self.dialer, &self.name)
    }

    /// Whether a time-out showed that the last handle should not be used again.
    pub fn client_is_broken(&self) -> bool {
        self.client.lock().is_broken()
    }

    /// Ends the control connection.
    pub fn close(&self) {
        self.dialer.close();
    }

    /// Returns when the control connection has ended.
    pub async fn closed(&self) {
        self.dialer.closed().await;
    }
}

/// A client that reaches the buildlet `name` through `dialer`.
pub fn client_of(dialer: &Dialer, name: &str) -> Client {
    Client::new(Arc::new(dialer.clone()), name)
}
