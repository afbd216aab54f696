//! Direct mode: plain HTTP on an address (`buildlet.md` 2.6).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http;
use crate::machine::Machine;

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;

/// A listener, bound.
pub struct Direct(TcpListener);

impl Direct {
    /// Binds. An address that others can reach needs a password: whoever gets through may run anything.
    ///
    /// # Errors
    /// There is no password, or the address cannot be had.
    pub fn bind(address: SocketAddr, has_password: bool) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() && !has_password {
            bail!(
                "--listen {address} can be reached from outside; give --password-file, or listen on 127.0.0.1"
            );
        }
        let bind = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = bind()
            .with_context(|| format!("cannot listen on {address}; --listen chooses another"))?;
        tracing::info!(address = %listener.local_addr()?, "serving");
        Ok(Self(listener))
    }

    /// Serves until it is dropped; then all connections end, and what runs on them.
    ///
    /// # Errors
    /// None so far: a connection that cannot be accepted is one connection.
    pub async fn serve(&self, machine: &Arc<Machine>) -> anyhow::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.0.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        if let Err(error) = prepare(&stream) {
                            tracing::debug!(%error, "socket options");
                        }
                        let machine = machine.clone();
                        connections.spawn(async move { http::serve(Box::new(stream), &*machine).await });
                    }
                    // Out of files, perhaps: others may end meanwhile.
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                },
                Some(ended) = connections.join_next() => drop(ended),
            }
        }
    }
}

/// Answers go out at once, and a client that vanished is noticed within minutes.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    #[cfg(target_os = "linux")]
    {
        setsockopt(stream, sockopt::TcpKeepIdle, &60)?;
        setsockopt(stream, sockopt::TcpKeepInterval, &15)?;
        setsockopt(stream, sockopt::TcpKeepCount, &8)?;
    }
    Ok(())
}
