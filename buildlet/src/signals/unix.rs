//! Unix: two signals.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when this process is told to end: SIGTERM or SIGINT. They are caught from the call on.
///
/// # Errors
/// They cannot be caught.
pub fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
