//! Kubernetes, as far as farms of machines use it: pods that run to their end, secrets, quotas.
//!
//! Reference: <https://kubernetes.io/docs/reference/kubernetes-api/>. A pod is a process of its first container's command, or of
//! what [`Options::images`] says of its image, as this user, on one node.

mod admin;
mod check;
mod collect;
mod create;
mod delete;
mod discovery;
mod object;
mod pod;
mod quantity;
mod quota;
mod read;
mod routes;
mod selector;
mod state;
mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::state::State;
use crate::machine::Place;
use crate::serve::{Bound, ServeError};

/// How an emulator begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Namespaces beside `default`.
    pub namespaces: Vec<String>,
    /// What an image runs: program and first arguments. No other image can be pulled.
    pub images: BTreeMap<String, Vec<String>>,
    /// The node.
    pub node: Node,
    /// Who does not bring it as a bearer is refused; none: everybody may do everything.
    pub token: Option<String>,
    /// Pods have their folders here.
    pub machines: PathBuf,
}

/// What the one node has, and how it does its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Processors for what pods request; none: as many as are wanted. With 0 no pod that requests any is scheduled.
    pub cpus: Option<u64>,
    /// How long it takes to pull an image, in milliseconds.
    pub pull_ms: u64,
}

impl Options {
    /// These images on a node with plenty of everything.
    #[must_use]
    pub fn new(machines: impl Into<PathBuf>, images: BTreeMap<String, Vec<String>>) -> Self {
        Self {
            namespaces: Vec::new(),
            images,
            node: Node::default(),
            token: None,
            machines: machines.into(),
        }
    }
}

/// The emulator. Copies are the same one. Its pods end with [`Kubernetes::serve`], and at the latest with this process.
#[derive(Debug, Clone)]
pub struct Kubernetes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    place: Place,
    state: Mutex<State>,
    /// The version of the last change.
    changed: watch::Sender<u64>,
}

impl Kubernetes {
    /// With namespaces, and nothing in them.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Inner {
            place: Place::new(&options.machines),
            state: Mutex::new(State::new(&options)),
            options,
            changed: watch::Sender::new(0),
        }))
    }

    /// The API, and the emulator's own switches at `/emulator/`.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// Answers until `shutdown`; then every pod ends at once.
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

    /// Looks at what there is.
    fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&self.0.state.lock())
    }

    /// Changes what there is, then lets everybody who waits for a change look.
    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.state.lock();
        let result = how(&mut state);
        self.0.changed.send_replace(state.version());
        result
    }
}
