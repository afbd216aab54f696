//! One router, served where the process finds itself.

mod lambda;
mod post;
mod records;
mod schedule;
mod triggers;

use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::triggers::Triggers;
use crate::vars::Vars;

/// How long requests under way may take once the process is asked to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `PORT` is no port.
    #[error("PORT is {0:?}, which is no port number")]
    Port(String),
    /// The port cannot be had.
    #[error("cannot listen on port {port}: {error}; PORT chooses another")]
    Bind {
        /// The port.
        port: u16,
        /// Why not.
        error: std::io::Error,
    },
    /// The listener failed.
    #[error("serving failed: {0}")]
    Serve(#[from] std::io::Error),
    /// The Lambda runtime API failed, or the environment is not quite Lambda's.
    #[error("the Lambda runtime failed: {0}")]
    Lambda(String),
}

/// Serves `router` on the Lambda runtime API where there is one, and what `triggers` it there; else on `PORT` (default 8080)
/// of all addresses, until `shutdown`.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    router: Router,
    triggers: Triggers,
    vars: &Vars,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    if vars.get("AWS_LAMBDA_RUNTIME_API").is_some() {
        return lambda::run(router, triggers, vars, shutdown).await;
    }
    let text = vars.get("PORT").unwrap_or("8080");
    let port: u16 = text
        .parse()
        .map_err(|_| ServeError::Port(text.to_owned()))?;
    let bound = TcpListener::bind(("0.0.0.0", port)).await;
    let listener = bound.map_err(|error| ServeError::Bind { port, error })?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    on(listener, router, shutdown).await
}

/// Serves `router` on `listener` until `shutdown`, then gives requests under way ten seconds.
///
/// # Errors
/// The listener failed.
pub async fn on(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    // Without this an answer of two writes waits for the peer's delayed acknowledgement: 40 ms.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let asked = shutdown.clone().cancelled_owned();
    let served = axum::serve(listener, router).with_graceful_shutdown(asked);
    tokio::select! {
        ended = served.into_future() => Ok(ended?),
        () = late(shutdown) => {
            tracing::warn!("requests were still under way after {DRAIN:?}: cut off");
            Ok(())
        }
    }
}

async fn late(shutdown: CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

#[cfg(test)]
mod tests;
