//! Direct mode: HTTP/1.1 on an address, with TLS if there is a certificate (`buildlet.md` 2.6).

mod listen;
mod settings;
mod underway;

pub use listen::Listen;
pub use settings::Settings;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use farm_wire::stream::BoxStream;
use farm_wire::tls::Acceptor;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http;
use crate::machine::Machine;
use underway::Underway;

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;
/// For requests that are being answered when the machine is told to end.
const GRACE: Duration = Duration::from_secs(5);

/// A listener, bound.
pub struct Direct {
    listener: TcpListener,
    tls: Option<Acceptor>,
}

impl Direct {
    /// Binds.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(address: SocketAddr, tls: Option<Acceptor>) -> anyhow::Result<Self> {
        let listener = listener(address)
            .with_context(|| format!("cannot listen on {address}; --listen chooses another"))?;
        tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), "serving");
        Ok(Self { listener, tls })
    }

    /// Serves until `stop`; then takes no more requests and gives those that run five seconds. Dropped, it ends all
    /// connections, and what runs on them.
    ///
    /// # Errors
    /// Requests were still running after those five seconds.
    pub async fn serve(
        &self,
        machine: &Arc<Machine>,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let mut connections = JoinSet::new();
        let underway = Underway::default();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let (machine, tls) = (machine.clone(), self.tls.clone());
                        let underway = underway.clone();
                        connections.spawn(async move {
                            match opened(stream, tls).await {
                                Ok(stream) => http::serve(stream, &underway.counting(&*machine)).await,
                                Err(error) => tracing::debug!(%error, "handshake"),
                            }
                        });
                    }
                    // Out of files, perhaps: others may end meanwhile.
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(ended) = connections.join_next() => drop(ended),
            }
        }
        tracing::info!("told to end");
        match tokio::time::timeout(GRACE, underway.none()).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("requests were still running after {} s", GRACE.as_secs()),
        }
    }
}

/// All addresses means those of IPv4 alone where there is no IPv6.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let bind = |address: SocketAddr| {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    match bind(address) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() => {
            bind((Ipv4Addr::UNSPECIFIED, address.port()).into()).map_err(|_| error)
        }
        bound => bound,
    }
}

async fn opened(stream: TcpStream, tls: Option<Acceptor>) -> io::Result<BoxStream> {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "socket options");
    }
    match tls {
        Some(tls) => Ok(Box::new(tls.accept(stream).await?)),
        None => Ok(Box::new(stream)),
    }
}

/// Answers go out at once, and a client that vanished is looked for after three minutes.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(180))
        .with_interval(Duration::from_secs(15))
        .with_retries(8);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}
