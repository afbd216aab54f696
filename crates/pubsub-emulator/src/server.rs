//! The emulator: broker, background work, and both faces on one port.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::broker::{self, Broker};
use crate::inspect::Inspector;
use crate::options::Options;
use crate::stats::Stats;
use crate::store::OpenError;
use crate::{grpc, push, rest};

/// How long open connections may take to finish once the emulator goes down.
const GRACE: Duration = Duration::from_secs(3);

/// Why serving ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("the Pub/Sub emulator cannot accept connections: {0}")]
    Accept(#[from] std::io::Error),
}

/// A Pub/Sub emulator, at work from `open` until it is dropped or has served.
///
/// Dropping it without a graceful end loses nothing that was answered: it ends every stream and
/// releases the data folder.
#[derive(Debug)]
pub struct Emulator {
    broker: Arc<Broker>,
    /// Leases and pushes; aborted on drop.
    _background: JoinSet<()>,
}

impl Emulator {
    /// Opens the data folder, reads back what is in it, and starts delivering to push endpoints.
    ///
    /// # Errors
    /// The folder cannot be written, is full, is used by another emulator, or holds something else:
    /// each names the folder and says what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let clock = Arc::clone(&options.clock);
        let concurrency = options.push_concurrency;
        let opened = tokio::task::spawn_blocking(move || Broker::open(&options, clock)).await;
        let broker = match opened {
            Ok(broker) => broker?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let mut background = JoinSet::new();
        background.spawn(broker::run_ticker(Arc::clone(&broker)));
        match push::client() {
            Ok(client) => {
                background.spawn(push::run(Arc::clone(&broker), client, concurrency));
            }
            Err(error) => tracing::error!(error, "push delivery is off: no HTTP client"),
        }
        Ok(Self {
            broker,
            _background: background,
        })
    }

    /// gRPC and REST as one router, for a server of one's own. It answers `UNAVAILABLE` once this
    /// emulator is dropped.
    pub fn router(&self) -> Router {
        rest::router(&self.broker).merge(grpc::router(&self.broker))
    }

    /// Serves until `shutdown`: then streams end with `UNAVAILABLE`, connections get a moment, and
    /// the log is made durable and the folder released.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let closing = self.broker.closing().clone();
        let signal = closing.clone();
        let listener = listener.tap_io(|stream| {
            // With Nagle's algorithm the tail of the latency is 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        });
        let serving = axum::serve(listener, self.router())
            .with_graceful_shutdown(async move { signal.cancelled().await })
            .into_future();
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = shutdown => {
                closing.cancel();
                tokio::time::timeout(GRACE, serving).await.unwrap_or(Ok(()))
            }
        };
        let broker = Arc::clone(&self.broker);
        if tokio::task::spawn_blocking(move || broker.stop())
            .await
            .is_err()
        {
            tracing::error!("the log did not close in order");
        }
        Ok(result?)
    }

    /// For whoever shows what is in it, also while it serves.
    pub fn inspector(&self) -> Inspector {
        Inspector::new(Arc::clone(&self.broker))
    }

    /// Numbers for progress displays.
    pub fn stats(&self) -> Stats {
        self.broker.stats()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.broker.stop();
    }
}
