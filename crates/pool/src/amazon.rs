//! The account of AWS that this runs as, and its signature (Signature Version 4).

use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningParams,
    SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};
use tokio::sync::OnceCell;

use crate::pool::Now;

/// Finds out who that is when it is first asked; credentials are kept and renewed over there.
pub(crate) struct Account {
    region: String,
    /// Whether it is somebody else who speaks this API: any credentials do.
    stand_in: bool,
    now: Now,
    found: OnceCell<SharedCredentialsProvider>,
}

impl Account {
    pub(crate) fn new(region: &str, stand_in: bool, now: &Now) -> Self {
        Self {
            region: region.to_owned(),
            stand_in,
            now: Now::clone(now),
            found: OnceCell::new(),
        }
    }

    /// Signs a request to a service as it is going to be sent.
    ///
    /// # Errors
    /// There are no credentials now.
    pub(crate) async fn sign(&self, service: &str, request: &mut Request) -> Result<(), String> {
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let texts = request.headers().iter();
        let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            texts,
            SignableBody::Bytes(body.unwrap_or_default()),
        );
        let signable = signable.map_err(said)?;
        let signed = self
            .signed(service, signable, SigningSettings::default())
            .await?;
        for (name, value) in signed.headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(said)?;
            let value = HeaderValue::from_str(value).map_err(said)?;
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    /// An address that asks a service, with these headers, in our name for so long.
    ///
    /// # Errors
    /// There are no credentials now.
    pub(crate) async fn presigned(
        &self,
        service: &str,
        address: &str,
        headers: &[(&str, &str)],
        life: Duration,
    ) -> Result<Url, String> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(life);
        let headers = headers.iter().copied();
        let body = SignableBody::Bytes(&[]);
        let signable = SignableRequest::new("GET", address, headers, body).map_err(said)?;
        let signed = self.signed(service, signable, settings).await?;
        let mut url = Url::parse(address).map_err(said)?;
        for (name, value) in signed.params() {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(url)
    }

    /// What the signature adds.
    async fn signed(
        &self,
        service: &str,
        signable: SignableRequest<'_>,
        settings: SigningSettings,
    ) -> Result<SigningInstructions, String> {
        let provider = self.found.get_or_try_init(|| self.provider()).await?;
        let credentials = provider.provide_credentials().await;
        let credentials =
            credentials.map_err(|error| format!("there are no credentials of AWS: {error}"))?;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::try_from((self.now)()).map_err(said)?)
            .settings(settings)
            .build()
            .map_err(said)?;
        let parameters = SigningParams::from(parameters);
        let (instructions, _) = sign(signable, &parameters).map_err(said)?.into_parts();
        Ok(instructions)
    }

    async fn provider(&self) -> Result<SharedCredentialsProvider, String> {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()));
        let loader = match self.stand_in {
            true => loader
                .credentials_provider(anybody())
                .http_client(Builder::new().build_http()),
            false => {
                let tls = Provider::Rustls(CryptoMode::Ring);
                loader.http_client(Builder::new().tls_provider(tls).build_https())
            }
        };
        let config = loader.load().await;
        let provider = config.credentials_provider();
        provider.ok_or_else(|| "there are no credentials of AWS".to_owned())
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A stand-in takes any credentials; those of the environment, if there are some, may tell it an account.
fn anybody() -> CredentialsProviderChain {
    let anybody = Credentials::new("test", "test", None, None, "stand-in");
    let environment = EnvironmentVariableCredentialsProvider::new();
    CredentialsProviderChain::first_try("environment", environment).or_else("anybody", anybody)
}
