//! The admin listener: plain HTTP for operators on the same computer.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Site;

/// After the listener failed: there may be file descriptors again.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections at once, those who are turned away included.
const MAX_CONNECTIONS: usize = 512;

/// A listener that is not serving yet.
pub struct Admin(TcpListener);

impl Admin {
    /// Listens on `address`, which must be this computer's own unless `anywhere`: there is no password.
    ///
    /// # Errors
    /// The address is open to others, or cannot be had.
    pub async fn bind(address: SocketAddr, anywhere: bool) -> anyhow::Result<Self> {
        if !anywhere && !address.ip().is_loopback() {
            bail!(
                "--admin-listen {address} is open to other computers, and has no password: use 127.0.0.1, or say --admin-anywhere"
            );
        }
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; choose another address with --admin-listen")
        })?;
        Ok(Self(listener))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until it is dropped.
    pub async fn run(self, site: Site) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.0.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let site = site.clone();
                        connections.spawn(async move { site.serve(stream).await });
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot accept connections of operators");
                        sleep(PAUSE).await;
                    }
                },
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "an answer to an operator panicked");
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_others_reach_must_be_asked_for() {
        let open = "0.0.0.0:0".parse().unwrap();
        let error = Admin::bind(open, false).await.err().unwrap().to_string();
        assert!(error.contains("--admin-anywhere"), "{error}");
        assert!(Admin::bind(open, true).await.is_ok());
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = loopback.parse().unwrap();
            if let Err(error) = Admin::bind(address, false).await {
                // A computer without IPv6.
                assert!(address.is_ipv6(), "{error}");
            }
        }
    }
}
