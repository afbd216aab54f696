//! The account that this runs as, and its signature (Signature Version 4).

use std::time::SystemTime;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::OnceCell;

use crate::pool::Now;

const SERVICE: &str = "ec2";

/// Finds out who that is when it is first asked; credentials are kept and renewed over there.
pub(super) struct Account {
    region: String,
    /// Whether it is somebody else who speaks this API: any credentials do.
    stand_in: bool,
    now: Now,
    found: OnceCell<SharedCredentialsProvider>,
}

impl Account {
    pub(super) fn new(region: &str, stand_in: bool, now: &Now) -> Self {
        Self {
            region: region.to_owned(),
            stand_in,
            now: Now::clone(now),
            found: OnceCell::new(),
        }
    }

    /// Signs a request as it is going to be sent.
    ///
    /// # Errors
    /// There are no credentials now.
    pub(super) async fn sign(&self, request: &mut Request) -> Result<(), String> {
        let provider = self.found.get_or_try_init(|| self.provider()).await?;
        let credentials = provider.provide_credentials().await;
        let credentials =
            credentials.map_err(|error| format!("there are no credentials of AWS: {error}"))?;
        let headers = self.headers(request, credentials)?;
        for (name, value) in headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
            let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    /// What the signature adds.
    fn headers(
        &self,
        request: &Request,
        credentials: Credentials,
    ) -> Result<Vec<(String, String)>, String> {
        let identity = credentials.into();
        let time = SystemTime::try_from((self.now)()).map_err(|error| error.to_string())?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?;
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let texts = request.headers().iter();
        let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            texts,
            SignableBody::Bytes(body.unwrap_or_default()),
        );
        let signable = signable.map_err(|error| error.to_string())?;
        let signed = sign(signable, &parameters.into()).map_err(|error| error.to_string())?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
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

/// A stand-in takes any credentials; those of the environment, if there are some, may tell it an account.
fn anybody() -> CredentialsProviderChain {
    let anybody = Credentials::new("test", "test", None, None, "stand-in");
    let environment = EnvironmentVariableCredentialsProvider::new();
    CredentialsProviderChain::first_try("environment", environment).or_else("anybody", anybody)
}
