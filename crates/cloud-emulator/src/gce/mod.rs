//! Compute Engine, as far as farms of machines use it: instances, their operations, quotas.
//!
//! Reference: <https://cloud.google.com/compute/docs/reference/rest/v1>. An instance boots by running its metadata value
//! `startup-script` with `sh`; when that ends, the machine is off. One without such a script runs nothing.

mod admin;

mod check;
mod error;
mod filter;
mod instance;
mod instances;
mod knobs;
mod life;
mod list;
mod operation;
mod region;
mod routes;
mod state;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use parking_lot::{Mutex, MutexGuard};

pub use knobs::{Knobs, Quota, Stock};

use self::state::State;
use crate::machine::Place;
use crate::serve::{Bound, ServeError};

/// How an emulator begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its zones, such as `europe-west4-a`, each with what it does. All projects have the same.
    pub zones: BTreeMap<String, Knobs>,
    /// What each region grants.
    pub quota: Quota,
    /// The images that there are, by the last part of their names; empty: any.
    pub images: Vec<String>,
    /// Served at `/buildlet/<name>`.
    pub buildlet: Option<PathBuf>,
    /// Who does not bring it as a bearer is refused; none: everybody may do everything.
    pub token: Option<String>,
    /// Machines have their folders here.
    pub machines: PathBuf,
}

impl Options {
    /// These zones with plenty of everything.
    #[must_use]
    pub fn new(machines: impl Into<PathBuf>, zones: &[&str]) -> Self {
        let zones = zones.iter();
        Self {
            zones: zones
                .map(|zone| ((*zone).to_owned(), Knobs::default()))
                .collect(),
            quota: Quota::default(),
            images: Vec::new(),
            buildlet: None,
            token: None,
            machines: machines.into(),
        }
    }
}

/// The emulator. Copies are the same one. Its machines end with [`Gce::serve`], and at the latest with this process.
#[derive(Debug, Clone)]
pub struct Gce(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    place: Place,
    state: Mutex<State>,
}

impl Gce {
    /// With no instances.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Inner {
            place: Place::new(&options.machines),
            state: Mutex::new(State::new(options.zones.clone(), options.quota)),
            options,
        }))
    }

    /// The API at `/compute/v1/`, the buildlet, and the emulator's own switches at `/emulator/`.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// Answers until `shutdown`; then every machine ends at once.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        self,
        bound: Bound,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        bound.serve(self.router(), &self.0.place, shutdown).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

/// What `endpoint` is to be for clients of the emulator at this address: all before `/projects`.
#[must_use]
pub fn endpoint(address: SocketAddr) -> String {
    format!("http://{address}/compute/v1")
}
