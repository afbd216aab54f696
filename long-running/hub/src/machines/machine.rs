//! One connected machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farm_model::id::{HostType, MachineId};
use farm_wire::client::Client;
use farm_wire::revdial::{Dialer, SessionStats};
use farm_wire::reverse::RevdialVersion;
use parking_lot::Mutex;

use crate::metrics::{Dials, Timed};

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
    dials: Dials,
    /// Since when it has been connected.
    since: Instant,
    /// When it last answered anything.
    answered: Mutex<Instant>,
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

    /// The name it registered with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of reverse dialing that it speaks.
    pub fn protocol(&self) -> &'static str {
        match self.dialer.version() {
            RevdialVersion::V1 => "1",
            RevdialVersion::V2 => "2",
            RevdialVersion::V3 => "3",
        }
    }

    /// What its session did so far, if it has one.
    pub fn stats(&self) -> Option<SessionStats> {
        Some(self.dialer.stats())
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

    /// A handle that has to dial anew: to find out whether the control connection lives.
    pub fn fresh_client(&self) -> Client {
        client_of(&self.dialer, &self.name, &self.dials)
    }

    /// Whether a time-out showed that the last handle should not be used again.
    pub fn client_is_broken(&self) -> bool {
        self.client.lock().is_broken()
    }

    /// Ends the control connection.
    pub fn close(&self) {
        self.dialer.close();
    }

    /// Whether the control connection has ended, or is about to.
    pub fn is_closed(&self) -> bool {
        self.dialer.is_closed()
    }

    /// Returns when the control connection has ended.
    pub async fn closed(&self) {
        self.dialer.closed().await;
    }
}

/// A client that reaches the buildlet `name` through `dialer`; its dials are counted.
pub fn client_of(dialer: &Dialer, name: &str, dials: &Dials) -> Client {
    Client::new(Arc::new(Timed::new(dialer.clone(), dials)), name)
}
