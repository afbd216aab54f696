//! Downloads over HTTP and HTTPS: one blocking client, for threads of its own kind. Bodies are streamed.
//!
//! Nothing is set up before the first download: most buildlets never make one.

mod cancel;
mod download;
mod error;
mod url;

pub use cancel::{Cancel, CancelOnDrop};
pub use download::{DownloadError, Downloaded, Sum, download, sum_of};
pub use error::FetchError;
pub use url::shown;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use farm_wire::proxy::{Proxies, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, ProxyProtocol};

/// As many as Go's client follows.
const MAX_REDIRECTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(300);
const AGENT: &str = concat!("buildlet/", env!("CARGO_PKG_VERSION"));

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To look up a name, and to make a connection.
    pub connect: Duration,
    /// Until the head of an answer.
    pub answer: Duration,
    /// Until the next bytes of a body.
    pub idle: Duration,
    /// For everything of one try, the body included.
    pub total: Duration,
    /// How often a download that may heal is begun; at least once.
    pub tries: u32,
}

impl Limits {
    /// For large files over slow lines.
    pub const LARGE: Self = Self {
        connect: Duration::from_secs(10),
        answer: Duration::from_secs(60),
        idle: Duration::from_secs(60),
        total: Duration::from_secs(2 * 60 * 60),
        tries: 4,
    };
}

/// A client: whom it believes and which proxies it asks.
pub struct Fetcher {
    trusted: Vec<Certificate<'static>>,
    proxies: Proxies,
}

/// A head, with its body still to be read.
pub struct Answer(http::Response<Body>);

impl Fetcher {
    /// Believes the public certificates and those of `ca` (PEM).
    #[must_use]
    pub fn new(ca: Vec<CertificateDer<'static>>, proxies: Proxies) -> Self {
        let owned =
            |certificate: CertificateDer<'_>| Certificate::from_der(&certificate).to_owned();
        Self {
            trusted: ca.into_iter().map(owned).collect(),
            proxies,
        }
    }

    /// The same from the file of `--ca`.
    ///
    /// # Errors
    /// It cannot be read, or holds no certificate.
    pub fn with_ca(ca: Option<&Path>, proxies: Proxies) -> anyhow::Result<Self> {
        let certificates = match ca {
            Some(path) => certificates(path)
                .with_context(|| format!("--ca {} cannot be used", path.display()))?,
            None => Vec::new(),
        };
        Ok(Self::new(certificates, proxies))
    }

    /// GET, with redirects followed. Failures that may heal are tried again, with growing pauses. Blocks.
    ///
    /// # Errors
    /// [`FetchError`]; any status but 200 is one.
    pub fn get(&self, url: &str, limits: &Limits, cancel: &Cancel) -> Result<Answer, FetchError> {
        self.ask(http::Method::GET, url, &[], limits, cancel)
    }

    /// HEAD, otherwise as [`Fetcher::get`].
    ///
    /// # Errors
    /// As [`Fetcher::get`].
    pub fn head(&self, url: &str, limits: &Limits, cancel: &Cancel) -> Result<Answer, FetchError> {
        self.ask(http::Method::HEAD, url, &[], limits, cancel)
    }

    /// Any request without a body.
    ///
    /// # Errors
    /// As [`Fetcher::get`].
    pub fn ask(
        &self,
        method: http::Method,
        url: &str,
        fields: &[(&str, &str)],
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Answer, FetchError> {
        let uri = url::parse(url)?;
        let agent = self.agent(&uri, limits);
        cancel.covers(&agent)?;
        let mut wait = FIRST_WAIT;
        let mut tries = limits.tries.max(1);
        loop {
            tries -= 1;
            match once(&agent, &method, &uri, fields) {
                Ok(answer) => return Ok(answer),
                Err(_) if cancel.is_cancelled() => return Err(FetchError::Cancelled),
                Err(error) if tries == 0 || !error.may_heal() => return Err(error),
                Err(error) => {
                    tracing::warn!(url = %shown(url), %error, "fetching; trying again");
                    cancel.wait(wait)?;
                    wait *= 3;
                }
            }
        }
    }

    /// One for each download: cancelling it ends all that it does.
    fn agent(&self, uri: &Uri, limits: &Limits) -> Agent {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|certificate| Certificate::from_der(certificate));
        let trusted: Vec<_> = public.chain(self.trusted.iter().cloned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::new_with_certs(&trusted))
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .proxy(self.proxy(uri).and_then(as_ureq))
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .user_agent(AGENT)
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.answer))
            .timeout_per_read(Some(limits.idle.max(limits.answer)))
            .timeout_recv_body(Some(limits.total))
            .max_idle_connections(1)
            .build()
            .new_agent()
    }

    fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        let host = uri.host().unwrap_or_default();
        match uri.scheme_str() {
            Some("https") => self.proxies.https(host, uri.port_u16().unwrap_or(443)),
            _ => self.proxies.http(host, uri.port_u16().unwrap_or(80)),
        }
    }
}

fn as_ureq(proxy: &Proxy) -> Option<ureq::Proxy> {
    let mut builder = ureq::Proxy::builder(ProxyProtocol::Http)
        .host(proxy.host())
        .port(proxy.port());
    if let Some((user, password)) = proxy.credentials() {
        builder = builder.username(user).password(password);
    }
    // Host and port were checked when the proxy was read.
    builder.build().ok()
}

fn once(
    agent: &Agent,
    method: &http::Method,
    uri: &Uri,
    fields: &[(&str, &str)],
) -> Result<Answer, FetchError> {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(()).map_err(|_| FetchError::BadUrl)?;
    let answer = agent.run(request)?;
    match answer.status() {
        http::StatusCode::OK => Ok(Answer(answer)),
        status => Err(FetchError::Status(status)),
    }
}

impl Answer {
    /// A header field, if it is text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }

    /// The body as it comes. A body that breaks off is an error, where its length was announced.
    pub fn into_reader(self) -> impl Read + Send + 'static {
        self.0.into_body().into_reader()
    }

    /// The body as text, cut to `most` bytes.
    ///
    /// # Errors
    /// It breaks off, or is not UTF-8.
    pub fn text(self, most: u64) -> Result<String, FetchError> {
        let mut text = String::new();
        self.into_reader()
            .take(most)
            .read_to_string(&mut text)
            .map_err(FetchError::body)?;
        Ok(text)
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
    anyhow::ensure!(!found.is_empty(), "it holds no certificate");
    Ok(found)
}

#[cfg(test)]
mod tests;
