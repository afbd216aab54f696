//! TLS with rustls and its ring provider. ALPN offers `http/1.1` alone: connections are taken over, which HTTP/2 forbids.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    ServerConfig, SignatureScheme, WantsVerifier,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::stream::{self, BoxStream, Connect};

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
    /// Who shows the certificate of this PEM text: neither name nor age is looked at (`buildlet.md` 7.1).
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
        })
    }

    async fn open(&self) -> io::Result<BoxStream> {
        let tcp = stream::tcp(&self.address).await?;
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
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some(host).filter(|host| !host.is_empty())
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
        let chain = certificates_of(certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
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
        Trust::Pinned(pem) => unchained(builder, Unchained::pinned(certificates_of(pem)?)),
        Trust::Anyone => unchained(builder, Unchained::anyone()),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn unchained(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    verifier: Unchained,
) -> ClientConfig {
    builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

/// Looks at no chain: believes certain certificates, or every one; signatures of the handshake are still checked.
#[derive(Debug)]
pub(crate) struct Unchained {
    provider: Arc<CryptoProvider>,
    pinned: Option<Vec<CertificateDer<'static>>>,
}

impl Unchained {
    pub(crate) fn anyone() -> Self {
        Self {
            provider: provider(),
            pinned: None,
        }
    }

    fn pinned(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self {
            provider: provider(),
            pinned: Some(certificates),
        }
    }
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let known = |pinned: &Vec<CertificateDer<'_>>| pinned.contains(shown);
        if !self.pinned.as_ref().is_none_or(known) {
            let other = CertificateError::ApplicationVerificationFailure;
            return Err(rustls::Error::InvalidCertificate(other));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
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
    async fn a_pinned_certificate_is_believed_under_any_name_and_no_other_is() {
        handshake(|pem| Trust::Pinned(pem.into_bytes()), Some("vm.example"))
            .await
            .unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pinned = other.cert.pem();
        let other = |_| Trust::Pinned(pinned.clone().into_bytes());
        assert!(handshake(other, Some("localhost")).await.is_err());
    }

    #[test]
    fn addresses_name_a_host() {
        assert_eq!(host_of("farm.example:443"), Some("farm.example"));
        assert_eq!(host_of("[::1]:8119"), Some("::1"));
        assert_eq!(host_of("farm.example"), None);
        assert_eq!(host_of(":8119"), None);
    }
}
