//! Making clients: the services with the surroundings' credentials, or a plain-text server with anybody's.

use std::fmt;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, StalledStreamProtectionConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::trouble::{self, Trouble};
use crate::url;

/// A server on a machine that does not answer at all.
const CONNECT: Duration = Duration::from_secs(3);

/// Clients of one account.
pub(super) struct Clients {
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    sts: aws_sdk_sts::Client,
}

/// Nothing of what they hold: credentials are there.
impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clients")
    }
}

impl Clients {
    /// Connects to nothing yet; finds out where credentials are to be had: the environment, a profile, a web identity, the
    /// container's or the machine's agent.
    pub(super) async fn connect(place: &url::Aws) -> Self {
        let config = config(place).await;
        // Tries are ours: how often and until when depends on what is done.
        let once = RetryConfig::disabled();
        let sns = aws_sdk_sns::config::Builder::from(&config);
        let sqs = aws_sdk_sqs::config::Builder::from(&config);
        Self {
            sns: aws_sdk_sns::Client::from_conf(sns.retry_config(once.clone()).build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.retry_config(once).build()),
            sts: aws_sdk_sts::Client::new(&config),
        }
    }
}

async fn config(place: &url::Aws) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(place.region.clone()))
        .timeout_config(timeouts)
        // It counts bytes a second; a long poll has none for twenty. Our own limits on time are wherever something is awaited.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let plain = place.endpoint.as_ref().is_some_and(|e| e.plain.is_some());
    let loader = match &place.endpoint {
        Some(endpoint) => loader.endpoint_url(&endpoint.url),
        None => loader,
    };
    let loader = if plain {
        stand_in(loader)
    } else {
        let tls = Provider::Rustls(CryptoMode::Ring);
        loader.http_client(Builder::new().tls_provider(tls).build_https())
    };
    loader.load().await
}

/// A stand-in takes any credentials; those of the environment, if there are some, may tell it an account. Nobody else is
/// asked: it would take seconds to find out that no machine's agent is there.
fn stand_in(loader: ConfigLoader) -> ConfigLoader {
    let anybody = Credentials::new("test", "test", None, None, "stand-in");
    let environment = EnvironmentVariableCredentialsProvider::new();
    let chain = CredentialsProviderChain::first_try("environment", environment);
    loader
        .credentials_provider(chain.or_else("anybody", anybody))
        .http_client(Builder::new().build_http())
}

/// Whose account it is, as the service knows us; needs no rights.
///
/// # Errors
/// It did not say.
pub(super) async fn account(clients: &Clients) -> Result<String, Trouble> {
    let said = clients.sts.get_caller_identity().send().await;
    let said = said.map_err(|error| trouble::sorted(&error))?;
    let missing = || Trouble::Refused {
        code: "NoAccount".to_owned(),
        text: "the service does not say whose account this is".to_owned(),
    };
    said.account.ok_or_else(missing)
}
