//! Binding: a busy default port moves to a free one; a port that was asked for fails and says by whom to change it.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::console::{Console, Tone};

/// Binds exactly `address`, which came from `flag`.
///
/// # Errors
/// It is taken, or not ours to bind.
pub async fn bind_given(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}: choose another with {flag}, or port 0 for any free one"
        )
    })
}

/// Binds what was asked for, or else `default`, or else any free port.
///
/// # Errors
/// As [`bind_given`] for what was asked for; otherwise when no port can be had at all.
pub async fn bind(
    asked: Option<SocketAddr>,
    default: SocketAddr,
    flag: &str,
    console: &Console,
) -> anyhow::Result<TcpListener> {
    if let Some(address) = asked {
        return bind_given(address, flag).await;
    }
    match TcpListener::bind(default).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let listener = bind_given(SocketAddr::new(default.ip(), 0), flag).await?;
            let text = format!(
                "port {} is busy; using {} ({flag} sets it)",
                default.port(),
                listener.local_addr()?.port()
            );
            console.line(&console.paint(Tone::Quiet, &text));
            Ok(listener)
        }
        Err(error) => Err(error)
            .with_context(|| format!("cannot listen on {default}; {flag} sets another address")),
    }
}

/// On this computer alone.
pub fn default(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Where this computer finds what listens on `address`.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        default(address.port())
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_default_moves_and_a_busy_wish_fails() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let moved = bind(None, address, "--http", &Console::new())
            .await
            .unwrap();
        assert_ne!(moved.local_addr().unwrap(), address);
        let error = bind(Some(address), address, "--http", &Console::new())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("--http"), "{error}");
    }
}
