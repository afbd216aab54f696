//! How long it takes to open a connection to a machine.

use std::io;
use std::time::Instant;

use farm_wire::stream::{BoxStream, Connect};
use futures::FutureExt;
use futures::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds in seconds: from a stream of an open session to the limit of a pick-up.
const BOUNDS: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
];

/// Dials of all machines. Clones share it.
#[derive(Debug, Clone)]
pub struct Dials {
    pub(super) latency: Histogram,
    pub(super) failures: Counter,
}

impl Default for Dials {
    fn default() -> Self {
        Self {
            latency: Histogram::new(BOUNDS),
            failures: Counter::default(),
        }
    }
}

/// A way to a machine whose dials are counted.
pub struct Timed<C> {
    way: C,
    dials: Dials,
}

impl<C> Timed<C> {
    /// `way`, counted in `dials`.
    pub fn new(way: C, dials: &Dials) -> Self {
        Self {
            way,
            dials: dials.clone(),
        }
    }
}

impl<C: Connect> Connect for Timed<C> {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        async {
            let began = Instant::now();
            let opened = self.way.connect().await;
            match &opened {
                Ok(_) => self.dials.latency.observe(began.elapsed().as_secs_f64()),
                Err(_) => drop(self.dials.failures.inc()),
            }
            opened
        }
        .boxed()
    }
}
