//! One router, served where the process finds itself.

mod connections;
mod lambda;
mod post;
mod records;
mod schedule;
mod triggers;
mod under_way;

use std::time::Duration;

use axum::Router;
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
    on(listener, triggers.on_port(router), shutdown).await
}

/// Serves `router` on `listener` until `shutdown`, then gives requests under way ten seconds. Of connections there are at most
/// 2048 at once; one that nothing is asked on for a minute or two is closed.
///
/// # Errors
/// Never now: a listener that fails is tried again.
pub async fn on(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let served = connections::serve(listener, router, connections::LIMITS, shutdown.clone());
    tokio::select! {
        () = served => {}
        () = late(shutdown) => tracing::warn!("requests were still under way after {DRAIN:?}: cut off"),
    }
    Ok(())
}

async fn late(shutdown: CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

#[cfg(test)]
mod tests;
