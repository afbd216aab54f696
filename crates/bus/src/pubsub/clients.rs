//! Making clients: the service with the surroundings' credentials, or a plain-text server with nobody's.

use std::time::Duration;

use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_gax::client_builder::Error;
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::{NeverRetry, RetryPolicyExt};
use google_cloud_gax::retry_throttler::CircuitBreaker;
use google_cloud_pubsub::client::{BasePublisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::retry_policy::RetryableErrors;

use super::PubSub;

/// Pauses between the client's own tries of one publish. Its default grows to a minute, which is longer than ours may take.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What all builders of clients have in common.
macro_rules! at {
    ($queue:expr, $builder:expr) => {{
        use_ring();
        let mut builder = $builder;
        if let Some(endpoint) = &$queue.endpoint {
            builder = builder.with_endpoint(&endpoint.url);
            if endpoint.plain.is_some() {
                builder = builder.with_credentials(nobody());
            }
        }
        builder
    }};
}

impl PubSub {
    /// A publisher that tries for `limit`.
    pub(super) async fn publisher(&self, limit: Duration) -> Result<BasePublisher, Error> {
        let backoff = ExponentialBackoffBuilder::new()
            .with_initial_delay(FIRST_PAUSE)
            .with_maximum_delay(LONGEST_PAUSE)
            .with_scaling(2.0)
            .clamp();
        at!(self, BasePublisher::builder())
            .with_retry_policy(RetryableErrors.with_time_limit(limit))
            .with_backoff_policy(backoff)
            // The default throttler gives up tries after a while of trouble; ours are few and bounded.
            .with_retry_throttler(CircuitBreaker::clamp(1000, 0, 0))
            .build()
            .await
    }

    pub(super) async fn subscriber(&self) -> Result<Subscriber, Error> {
        at!(self, Subscriber::builder()).build().await
    }

    pub(super) async fn topics(&self) -> Result<TopicAdmin, Error> {
        let builder = at!(self, TopicAdmin::builder());
        builder.with_retry_policy(NeverRetry).build().await
    }

    pub(super) async fn subscriptions(&self) -> Result<SubscriptionAdmin, Error> {
        let builder = at!(self, SubscriptionAdmin::builder());
        builder.with_retry_policy(NeverRetry).build().await
    }
}

fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

/// The client was built without a TLS provider and asks for the process's, even for plain text. If there is one already, it
/// stays.
fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}
