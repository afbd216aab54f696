//! The HTTP client that pushes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;

/// A client for all endpoints.
pub(crate) type Client = reqwest::Client;

/// No proxy, since endpoints of an emulator are near; no redirect, since the service follows none.
pub(crate) fn client() -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore { roots })
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .user_agent("CloudPubSub-Google")
        .build()
        .map_err(|error| error.to_string())
}
