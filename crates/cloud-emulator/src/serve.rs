//! A port, and who answers there.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use crate::machine::Place;

/// Serving ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is not to be had.
    #[error("cannot listen on {0}: {1}; choose another with --listen, or port 0 for any free one")]
    Bind(SocketAddr, std::io::Error),
    /// The listener failed.
    #[error("the emulator cannot accept connections: {0}")]
    Accept(#[from] std::io::Error),
}

/// An emulator that has its port.
#[derive(Debug)]
pub struct Bound {
    /// Where it is.
    pub address: SocketAddr,
    listener: TcpListener,
}

impl Bound {
    /// Takes the port; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| ServeError::Bind(address, error))?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
        })
    }

    /// Answers until `shutdown`; then every machine ends at once.
    ///
    /// # Errors
    /// The listener fails.
    pub(crate) async fn serve(
        self,
        router: Router,
        place: &Place,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let serving = axum::serve(self.listener, router).into_future();
        let result = tokio::select! {
            result = serving => result,
            () = shutdown => Ok(()),
        };
        place.end().await;
        Ok(result?)
    }
}
