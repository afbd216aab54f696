//! The emulator on a port.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http;
use crate::options::Options;
use crate::shelf::OpenError;
use crate::store::Store;

/// How long open connections may take to finish once the emulator goes down.
const GRACE: Duration = Duration::from_secs(3);

/// Why serving ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("the Cloud Storage emulator cannot accept connections: {0}")]
    Accept(#[from] io::Error),
}

/// A Cloud Storage emulator. What it has answered is durable: dropping it loses nothing.
#[derive(Debug)]
pub struct Emulator {
    store: Arc<Store>,
}

impl Emulator {
    /// Opens the data folder and reads back what is in it.
    ///
    /// # Errors
    /// The folder cannot be used, is used by another emulator, or holds something else: each says what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        match tokio::task::spawn_blocking(move || Store::open(&options)).await {
            Ok(store) => Ok(Self {
                store: Arc::new(store?),
            }),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The XML API as a router, for a server of one's own.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.store))
    }

    /// Serves until `shutdown`; then requests under way get a moment.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let closing = CancellationToken::new();
        let listener = listener.tap_io(|stream| {
            // With Nagle's algorithm the tail of the latency is 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        });
        let serving = axum::serve(listener, self.router())
            .with_graceful_shutdown(closing.clone().cancelled_owned())
            .into_future();
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => Ok(served?),
            () = shutdown => {
                closing.cancel();
                Ok(tokio::time::timeout(GRACE, serving).await.unwrap_or(Ok(()))?)
            }
        }
    }
}
