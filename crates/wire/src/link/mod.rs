//! From hub to hub: a private port through which a hub hands a connection on to the hub that it belongs to.
//!
//! TLS 1.3 with whatever certificate there is, and then both sides show that they know the farm's master key: each sends an
//! HMAC-SHA256 over its role, both hubs' ids and a secret that TLS derives for this connection alone (RFC 8446 7.5,
//! RFC 9266). Somebody in the middle holds two connections with two different secrets, so that no proof passes through.
//! The dialing side proves itself first, and sends nothing else before the other has.

mod proof;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use self::proof::{Proof, Role};
use crate::keys::MasterKey;
use crate::stream::{self, Duplex};
use crate::tls::{ByKey, TlsError, certificates_of, provider};

/// From the first packet to the last proof. A hub's neighbour is near.
pub const LINK_LIMIT: Duration = Duration::from_secs(3);

const MAGIC: &[u8; 12] = b"farm link 1\n";
const LABEL: &[u8] = b"EXPORTER-farm-hub-link-1";
const ACCEPTED: u8 = 0;
const NOT_THE_HUB: u8 = 1;
const BAD_PROOF: u8 = 2;

/// A peer that vanished without a word is noticed after idle time and a few probes.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// A link as its dialer has it.
pub type DialedLink = client::TlsStream<TcpStream>;
/// A link as its acceptor has it.
pub type AcceptedLink = server::TlsStream<TcpStream>;

/// Makes links from one hub to others.
#[derive(Clone)]
pub struct LinkDialer {
    proof: Proof,
    connector: TlsConnector,
}

/// Accepts links at one hub.
#[derive(Clone)]
pub struct LinkAcceptor {
    proof: Proof,
    acceptor: TlsAcceptor,
}

impl LinkDialer {
    /// From `hub`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(hub: &str, master: &MasterKey) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ByKey::anybody()))
            .with_no_client_auth();
        Ok(Self {
            proof: Proof::new(hub, master),
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// A link to `hub`, which listens on `address`, within [`LINK_LIMIT`].
    ///
    /// # Errors
    /// Nobody answers in time, or who answers is not that hub of this farm.
    pub async fn dial(&self, address: &str, hub: &str) -> io::Result<DialedLink> {
        timeout(LINK_LIMIT, self.open(address, hub))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no link in time"))?
    }

    async fn open(&self, address: &str, hub: &str) -> io::Result<DialedLink> {
        let tcp = stream::tcp(address).await?;
        watch(&tcp)?;
        // The name is not looked at: the proofs say who is there.
        let name = ServerName::try_from("hub").map_err(io::Error::other)?;
        let mut tls = self.connector.connect(name, tcp).await?;
        let secret = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], LABEL, None)
            .map_err(io::Error::other)?;
        let (from, to) = (self.proof.hub.as_str(), hub);
        let own = self.proof.of(Role::Dialer, from, to, &secret);
        let hello = [MAGIC.as_slice(), &name_of(from)?, &name_of(to)?, &own].concat();
        tls.write_all(&hello).await?;
        tls.flush().await?;
        match tls.read_u8().await? {
            ACCEPTED => {}
            NOT_THE_HUB => return Err(denied(format!("{address} is not hub {hub}"))),
            _ => return Err(denied("it has another master key".to_owned())),
        }
        let mut shown = [0; 32];
        tls.read_exact(&mut shown).await?;
        if self.proof.holds(Role::Acceptor, from, to, &secret, &shown) {
            Ok(tls)
        } else {
            Err(denied(format!(
                "who answers on {address} does not know the master key"
            )))
        }
    }
}

impl LinkAcceptor {
    /// At `hub`; any certificate (PEM) will do.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        hub: &str,
        master: &MasterKey,
        certificate: &[u8],
        key: &[u8],
    ) -> Result<Self, TlsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(
                certificates_of(certificate)?,
                PrivateKeyDer::from_pem_slice(key)?,
            )?;
        Ok(Self {
            proof: Proof::new(hub, master),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// The link that a hub opens on `tcp`, and that hub's id, within [`LINK_LIMIT`].
    ///
    /// # Errors
    /// It is no link, or not from a hub of this farm to this one.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<(String, AcceptedLink)> {
        timeout(LINK_LIMIT, self.open(tcp))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no link in time"))?
    }

    async fn open(&self, tcp: TcpStream) -> io::Result<(String, AcceptedLink)> {
        tcp.set_nodelay(true)?;
        watch(&tcp)?;
        let mut tls = self.acceptor.accept(tcp).await?;
        let secret = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], LABEL, None)
            .map_err(io::Error::other)?;
        let mut magic = [0; MAGIC.len()];
        tls.read_exact(&mut magic).await?;
        if magic != *MAGIC {
            return Err(denied("it does not speak as a hub".to_owned()));
        }
        let (from, to) = (read_name(&mut tls).await?, read_name(&mut tls).await?);
        let mut shown = [0; 32];
        tls.read_exact(&mut shown).await?;
        let known = self.proof.holds(Role::Dialer, &from, &to, &secret, &shown);
        if !known {
            return Err(refuse(&mut tls, BAD_PROOF, "it does not know the master key").await);
        }
        if to != self.proof.hub {
            return Err(refuse(&mut tls, NOT_THE_HUB, "it looks for another hub").await);
        }
        let own = self.proof.of(Role::Acceptor, &from, &to, &secret);
        tls.write_all(&[&[ACCEPTED], own.as_slice()].concat())
            .await?;
        tls.flush().await?;
        Ok((from, tls))
    }
}

async fn refuse(tls: &mut AcceptedLink, code: u8, why: &str) -> io::Error {
    drop(tls.write_all(&[code]).await);
    drop(tls.shutdown().await);
    denied(why.to_owned())
}

fn denied(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Half-open connections end within minutes, however long they may be idle.
fn watch(tcp: &TcpStream) -> io::Result<()> {
    let probes = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_EVERY);
    SockRef::from(tcp).set_tcp_keepalive(&probes)
}

/// A short text with its length before it.
///
/// # Errors
/// It has more than 255 bytes.
pub fn name_of(text: &str) -> io::Result<Vec<u8>> {
    let length = u8::try_from(text.len()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "a name of more than 255 bytes")
    })?;
    Ok([&[length], text.as_bytes()].concat())
}

/// What [`name_of`] made.
///
/// # Errors
/// The stream ends, or it is not UTF-8.
pub async fn read_name<S: Duplex>(stream: &mut S) -> io::Result<String> {
    let length = stream.read_u8().await?;
    let mut text = vec![0; length.into()];
    stream.read_exact(&mut text).await?;
    String::from_utf8(text)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a name that is not UTF-8"))
}
