//! TLS with rustls and its ring provider. ALPN offers `http/1.1` alone: connections are taken over, which HTTP/2 forbids.

mod by_key;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::proxy::Proxies;
use crate::stream::{self, BoxStream, Connect};
pub(crate) use by_key::ByKey;

/// How long a handshake may take (`buildlet.md` 8.3).
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
const ALPN: &[u8] = b"http/1.1";

/// A stream accepted with TLS.
pub type TlsServerStream = tokio_rustls::server::TlsStream<TcpStream>;

/// Whom a client believes.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Mozilla's roots.
    PublicRoots,
    /// The certificates of this PEM text, and no others.
    Pem(Vec<u8>),
    /// The one who holds the private key of this certificate (PEM). Names, dates and issuers do not matter: whoever
    /// started a machine with a key pair of its own knows it so (`buildlet.md` 7.1).
    Pinned(Vec<u8>),
    /// Anybody: for trials. Never inferred from an address.
    Anyone,
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Certificates or key.
    #[error("no usable PEM: {0}")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// No certificate in the PEM text.
    #[error("the PEM text holds no certificate")]
    NoCertificate,
    /// The name is no host name.
    #[error("{0:?} is no server name")]
    ServerName(String),
    /// The address is not `host:port`.
    #[error("{0:?} is not of the form host:port")]
    Address(String),
    /// Certificate and key do not go together, or are of a kind not known.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// TLS over TCP to one address.
#[derive(Clone)]
pub struct TlsConnect {
    address: String,
    server_name: ServerName<'static>,
    connector: TlsConnector,
    proxies: Proxies,
    /// A proxy was the only way the last time. Without this each connection would wait in vain for a direct one first,
    /// where a firewall answers nothing.
    by_proxy: Arc<AtomicBool>,
}

impl TlsConnect {
    /// To `address` (`host:port`), expecting the certificate of `server_name` (default: the host).
    ///
    /// # Errors
    /// [`TlsError`]; nothing is dialed yet.
    pub fn new(address: &str, server_name: Option<&str>, trust: &Trust) -> Result<Self, TlsError> {
        let host = host_of(address).ok_or_else(|| TlsError::Address(address.to_owned()))?;
        let name = server_name.unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsError::ServerName(name.to_owned()))?;
        let connector = TlsConnector::from(Arc::new(client_config(trust)?));
        Ok(Self {
            address: address.to_owned(),
            server_name,
            connector,
            proxies: Proxies::none(),
            by_proxy: Arc::default(),
        })
    }

    /// The same, asking these proxies where no direct connection can be made (`buildlet.md` 8.3).
    #[must_use]
    pub fn or_through(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Directly, else through a proxy; the other way round where only the proxy worked the last time.
    async fn tcp(&self) -> io::Result<BoxStream> {
        let (host, port) = host_and_port(&self.address).unwrap_or_default();
        let Some(proxy) = self.proxies.https(host, port) else {
            return self.direct().await;
        };
        if self.by_proxy.load(Ordering::Relaxed) {
            match proxy.connect(&self.address).await {
                Ok(stream) => return Ok(stream),
                Err(_) => self.by_proxy.store(false, Ordering::Relaxed),
            }
        }
        let direct = match self.direct().await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let stream = proxy.connect(&self.address).await.map_err(|error| {
            let text = format!("{direct}; and through a proxy: {error}");
            io::Error::new(error.kind(), text)
        })?;
        self.by_proxy.store(true, Ordering::Relaxed);
        Ok(stream)
    }

    async fn direct(&self) -> io::Result<BoxStream> {
        Ok(Box::new(stream::tcp(&self.address).await?))
    }

    async fn open(&self) -> io::Result<BoxStream> {
        let tcp = self.tcp().await?;
        let handshake = self.connector.connect(self.server_name.clone(), tcp);
        let tls = tokio::time::timeout(HANDSHAKE_LIMIT, handshake)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long"))?
            .map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("failed to handshake with coordinator: {error}"),
                )
            })?;
        Ok(Box::new(tls))
    }
}

impl Connect for TlsConnect {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        self.open().boxed()
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host_of(address: &str) -> Option<&str> {
    host_and_port(address).map(|(host, _)| host)
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    (!host.is_empty()).then_some((host, port))
}

/// Accepts TLS on TCP connections.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// With a certificate chain and its key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let config = server_config(certificates, key)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The same without ALPN, as servers of 2019 are: clients that offer nothing or only other protocols are served too.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn without_alpn(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let mut config = server_config(certificates, key)?;
        config.alpn_protocols.clear();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands, within thirty seconds, and switches Nagle's delay off.
    ///
    /// # Errors
    /// The handshake failed or took too long.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<TlsServerStream> {
        tcp.set_nodelay(true)?;
        tokio::time::timeout(HANDSHAKE_LIMIT, self.0.accept(tcp))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }
}

fn server_config(certificates: &[u8], key: &[u8]) -> Result<ServerConfig, TlsError> {
    let chain = certificates_of(certificates)?;
    let key = PrivateKeyDer::from_pem_slice(key)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub(crate) fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        Err(TlsError::NoCertificate)
    } else {
        Ok(certificates)
    }
}

fn client_config(trust: &Trust) -> Result<ClientConfig, TlsError> {
    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut config = match trust {
        Trust::PublicRoots => {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::Pem(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates_of(pem)? {
                roots.add(certificate)?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::Anyone => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ByKey::anybody()))
            .with_no_client_auth(),
        Trust::Pinned(pem) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ByKey::of(pem)?))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn handshake(trust: impl Fn(String) -> Trust, name: Option<&str>) -> io::Result<()> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let acceptor = Acceptor::from_pem(
            made.cert.pem().as_bytes(),
            made.signing_key.serialize_pem().as_bytes(),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connect = TlsConnect::new(&address, name, &trust(made.cert.pem())).unwrap();
        let accept = async { acceptor.accept(listener.accept().await.unwrap().0).await };
        let (_, opened) = tokio::join!(accept, connect.connect());
        opened.map(drop)
    }

    #[tokio::test]
    async fn a_certificate_given_is_believed_under_its_name_only() {
        let given = |pem: String| Trust::Pem(pem.into_bytes());
        handshake(given, Some("localhost")).await.unwrap();
        let error = handshake(given, None).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("failed to handshake with coordinator: "),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_unknown_certificate_is_believed_only_when_told_so() {
        assert!(
            handshake(|_| Trust::PublicRoots, Some("localhost"))
                .await
                .is_err()
        );
        handshake(|_| Trust::Anyone, None).await.unwrap();
    }

    #[tokio::test]
    async fn a_pinned_certificate_is_known_by_its_key_alone() {
        // Neither its name nor its issuer is one that this client would believe.
        let own = |pem: String| Trust::Pinned(pem.into_bytes());
        handshake(own, Some("elsewhere.example")).await.unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = other.cert.pem();
        let error = handshake(|_| Trust::Pinned(pem.clone().into_bytes()), None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("another key"), "{error}");
    }

    #[tokio::test]
    async fn a_hub_that_is_not_reached_is_dialed_through_a_proxy() {
        let made = rcgen::generate_simple_self_signed(vec!["farm.invalid".to_owned()]).unwrap();
        let key = made.signing_key.serialize_pem();
        let acceptor = Acceptor::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = proxy.local_addr().unwrap().to_string();
        let proxies = |skip: &'static str| {
            Proxies::from_variables(|name| match name {
                "https_proxy" => Some(&*address),
                "no_proxy" => Some(skip),
                _ => None,
            })
            .unwrap()
        };
        let trust = Trust::Pem(made.cert.pem().into_bytes());
        // No resolver knows a name below `invalid` (RFC 6761).
        let connect = TlsConnect::new("farm.invalid:443", None, &trust).unwrap();
        let through = connect.clone().or_through(proxies(""));
        let serve = async {
            let (tcp, _) = proxy.accept().await.unwrap();
            let (head, stream) = crate::head::read_request(tcp, HANDSHAKE_LIMIT)
                .await
                .unwrap();
            assert_eq!(
                (&*head.method, &*head.target),
                ("CONNECT", "farm.invalid:443")
            );
            let mut stream = stream;
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n")
                .await
                .unwrap();
            acceptor.0.accept(stream).await.map(drop).unwrap();
        };
        let ((), opened) = tokio::join!(serve, through.connect());
        opened.unwrap();
        // Excepted, it is not asked.
        assert!(
            connect
                .or_through(proxies(".invalid"))
                .connect()
                .await
                .is_err()
        );
    }

    /// `0.0.0.0` is this machine to the system, and no loopback address to the settings of proxies.
    #[tokio::test]
    async fn the_way_that_worked_is_tried_first_the_next_time() {
        let hub = tokio::net::TcpSocket::new_v4().unwrap();
        hub.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = hub.local_addr().unwrap().port();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = proxy.local_addr().unwrap().to_string();
        let proxies = Proxies::from_variables(|name| match name {
            "HTTPS_PROXY" => Some(&*address),
            _ => None,
        });
        let connect = TlsConnect::new(&format!("0.0.0.0:{port}"), None, &Trust::Anyone)
            .unwrap()
            .or_through(proxies.unwrap());
        let proxied = async || {
            let serve = async {
                let (mut tcp, _) = proxy.accept().await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\n\r\n";
                tokio::io::AsyncWriteExt::write_all(&mut tcp, answer)
                    .await
                    .unwrap();
                tcp
            };
            let (_tcp, opened) = tokio::join!(serve, connect.tcp());
            opened.map(drop)
        };
        // Bound and not listening, it refuses.
        proxied().await.unwrap();
        // Now there is a direct way, and the proxy is asked all the same.
        let hub = hub.listen(8).unwrap();
        proxied().await.unwrap();
        // Until it is gone.
        drop(proxy);
        let (accepted, opened) = tokio::join!(hub.accept(), connect.tcp());
        assert!(accepted.is_ok() && opened.is_ok());
    }

    #[test]
    fn addresses_name_a_host() {
        assert_eq!(host_of("farm.example:443"), Some("farm.example"));
        assert_eq!(host_of("[::1]:8119"), Some("::1"));
        assert_eq!(host_of("farm.example"), None);
        assert_eq!(host_of(":8119"), None);
    }
}
