//! The provider's own side: where it is, its keys, and what it gives for a code (OpenID Connect Discovery 1.0).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_model::Timestamp;
use farm_runtime::Vars;
use jiff::SignedDuration;
use reqwest::{Client, RequestBuilder, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::Trouble;
use super::flow::Flow;
use super::jwt::{self, Claims, JwtError, Keys, Wanted};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Of an answer, in bytes.
const LARGEST: usize = 256 << 10;
/// What it has published is read again after so long.
const GOOD: SignedDuration = SignedDuration::from_hours(1);
/// For a key that is not among those known, no more often than this.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// A provider.
pub(super) struct Remote {
    issuer: String,
    client_id: String,
    client_secret: String,
    http: Client,
    known: Mutex<Option<Arc<Known>>>,
}

/// What it has published.
struct Known {
    at: Timestamp,
    metadata: Metadata,
    keys: Keys,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Remote {
    /// None where `FARM_OIDC_ISSUER` is not set.
    pub(super) fn read(vars: &Vars) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = vars.read("FARM_OIDC_ISSUER")? else {
            return Ok(None);
        };
        let client_id = vars.require("FARM_OIDC_CLIENT_ID", "what the provider calls this farm")?;
        let what = "what proves to the provider that this is the farm";
        let client_secret = vars.require("FARM_OIDC_CLIENT_SECRET", what)?;
        if !is_safe(&issuer) {
            bail!("FARM_OIDC_ISSUER is an address that begins with https://");
        }
        Ok(Some(Self {
            issuer,
            client_id,
            client_secret,
            http: client()?,
            known: Mutex::new(None),
        }))
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the browser goes with a flow.
    pub(super) async fn address(
        &self,
        flow: &Flow,
        redirect: &str,
        now: Timestamp,
    ) -> Result<String, Trouble> {
        let known = self.known(now, GOOD).await?;
        let mut url = url(&known.metadata.authorization_endpoint)?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect),
            ("scope", "openid email"),
            ("state", &flow.state),
            ("nonce", &flow.nonce),
            ("code_challenge", &flow.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        Ok(url.into())
    }

    /// Who brought the code.
    pub(super) async fn claims(
        &self,
        code: &str,
        flow: &Flow,
        redirect: &str,
        now: Timestamp,
    ) -> Result<Claims, Trouble> {
        let mut known = self.known(now, GOOD).await?;
        let request = self.exchange(&known.metadata, code, flow, redirect)?;
        let tokens: Tokens = answer(request).await?;
        let wanted = Wanted {
            issuer: &self.issuer,
            client: &self.client_id,
            nonce: &flow.nonce,
            now,
        };
        let mut read = jwt::read(&tokens.id_token, &known.keys, &wanted);
        if read.as_ref().err() == Some(&JwtError::UnknownKey) {
            // Providers change their keys from time to time.
            known = self.known(now, AGAIN).await?;
            read = jwt::read(&tokens.id_token, &known.keys, &wanted);
        }
        read.map_err(|error| Trouble::Unbelieved(error.to_string()))
    }

    /// RFC 6749, 4.1.3; the client proves itself in the head (2.3.1).
    fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        flow: &Flow,
        redirect: &str,
    ) -> Result<RequestBuilder, Trouble> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("client_id", &self.client_id),
            ("code_verifier", &flow.verifier),
        ];
        let url = url(&metadata.token_endpoint)?;
        let body = encoded(&url, &form);
        // Each part is encoded as in a form, which leaves no colon in it.
        let id = encoded(&url, &[("", &self.client_id)]);
        let secret = encoded(&url, &[("", &self.client_secret)]);
        let pair = format!("{}:{}", &id[1..], &secret[1..]);
        let request = self.http.post(url).body(body);
        Ok(request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {}", STANDARD.encode(pair))))
    }

    /// What it has published, read again where that is older than `good`. Whoever asks meanwhile waits for the same reading.
    async fn known(&self, now: Timestamp, good: SignedDuration) -> Result<Arc<Known>, Trouble> {
        let mut slot = self.known.lock().await;
        if let Some(known) = slot
            .as_ref()
            .filter(|known| now.duration_since(known.at) < good)
        {
            return Ok(Arc::clone(known));
        }
        let known = Arc::new(self.published(now).await?);
        *slot = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn published(&self, now: Timestamp) -> Result<Known, Trouble> {
        let base = self.issuer.trim_end_matches('/');
        let address = url(&format!("{base}/.well-known/openid-configuration"))?;
        let metadata: Metadata = answer(self.http.get(address)).await?;
        if metadata.issuer != self.issuer {
            let text = "it says that it is another provider than FARM_OIDC_ISSUER".to_owned();
            return Err(Trouble::Away(text));
        }
        let keys = answer(self.http.get(url(&metadata.jwks_uri)?)).await?;
        Ok(Known {
            at: now,
            metadata,
            keys,
        })
    }
}

/// Redirects are not followed: a code goes where the provider has said that it goes.
fn client() -> anyhow::Result<Client> {
    // The client asks for the process's TLS; if there is one already, it stays.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .build()
        .context("cannot speak HTTP")
}

/// TLS, but for this computer.
fn is_safe(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

fn url(address: &str) -> Result<Url, Trouble> {
    let unsafe_ = || Trouble::Away("it names an address that is not https".to_owned());
    let url = Url::parse(address).ok().filter(|_| is_safe(address));
    url.ok_or_else(unsafe_)
}

/// Pairs as a form has them; `url` is only where they are written.
fn encoded(url: &Url, pairs: &[(&str, &str)]) -> String {
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Trouble> {
    let away = |error: reqwest::Error| Trouble::Away(error.without_url().to_string());
    let mut response = request.send().await.map_err(away)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(Trouble::Away("it answers too much".to_owned()));
        }
    }
    if status.is_client_error() {
        return Err(Trouble::Refused(format!("it answers {status}")));
    }
    let good = status.is_success().then_some(body);
    let body = good.ok_or_else(|| Trouble::Away(format!("it answers {status}")))?;
    // What it says may hold a token: only that it cannot be read is told.
    serde_json::from_slice(&body).map_err(|error| Trouble::Away(format!("{:?}", error.classify())))
}
