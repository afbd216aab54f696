//! The function host: runs the functions' binary as a process of its own, hands it what arrives on the farm's address, and
//! starts it again when it dies or is built anew.
//!
//! Whoever calls does not notice: while no process takes requests they wait, and one whose process died before it answered is
//! handed to the next. That may do a request twice, which functions are made for: what comes twice is the same once.

mod binary;
mod body;
mod invocations;
mod process;
mod proxy;
mod routes;
mod supervise;
mod trigger;
mod upstream;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use functions::manifest::Manifest;
use tokio::sync::watch;

use farm_runtime::Clock;

use self::invocations::Invocations;
pub(crate) use self::invocations::{Cause, Invocation, Tally};
pub(crate) use self::process::{Plan, Program};
use self::routes::Routes;
pub(crate) use self::supervise::Life;
pub(crate) use self::trigger::Triggers;
use self::upstream::Upstream;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Outside,
    Inside,
}

/// The functions of one farm.
#[derive(Debug, Clone)]
pub(crate) struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Plan,
    routes: Routes,
    invocations: Invocations,
    /// The process that takes requests, if there is one.
    current: watch::Sender<Option<Upstream>>,
    life: watch::Sender<Life>,
    clock: Clock,
}

impl Host {
    /// A host of the functions of `manifest`, which has started nothing yet.
    pub(crate) fn new(plan: Plan, manifest: &Manifest, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            plan,
            routes: Routes::new(manifest),
            invocations: Invocations::default(),
            current: watch::Sender::new(None),
            life: watch::Sender::default(),
            clock,
        }))
    }

    /// What arrives from outside, handed on: all but what the farm itself calls. Whoever could call that could have it say
    /// anything to anybody.
    pub(crate) fn router(&self) -> Router {
        proxy::router(self, From::Outside)
    }

    /// What the farm itself calls, for an address that only this computer reaches.
    pub(crate) fn inner_router(&self) -> Router {
        proxy::router(self, From::Inside)
    }

    /// The last calls of each function, the last one first.
    pub(crate) fn invocations(&self) -> Vec<Invocation> {
        self.0.invocations.list()
    }

    /// What has been called since the start, by function.
    pub(crate) fn tallies(&self) -> Vec<(String, Tally)> {
        self.0.invocations.tallies()
    }

    /// Where its processes write what they have to say.
    pub(crate) fn log(&self) -> &Path {
        self.0.plan.log()
    }

    /// How its process does.
    pub(crate) fn life(&self) -> Life {
        self.0.life.borrow().clone()
    }
}
