//! Buckets of Google Cloud and AWS.
//!
//! Credentials are those that the platform gives the process: `object_store` finds them itself (on AWS in the
//! environment that Lambda and ECS set, or at the instance's metadata server). An emulator is named by `?endpoint=`, and
//! nobody is asked for credentials to it; on AWS those of the environment are used where there are any.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::key::Key;
use crate::object::Place;
use crate::{Bucket, BucketError};

/// A webhook's function has 30 s in all.
const TRY_FOR: Duration = Duration::from_secs(20);

/// `gs://bucket/prefix`.
#[cfg(feature = "gcp")]
pub fn gcs(url: &str) -> Result<Bucket, BucketError> {
    use object_store::StaticCredentialProvider;
    use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};

    let address = Address::parse(url, "gs://")?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(address.bucket)
        .with_retry(retries());
    if let Some(endpoint) = address.endpoint {
        // Without a token of our own, writes would ask the metadata server for one, signed or not.
        let bearer = "emulator".to_owned();
        builder = builder
            .with_base_url(endpoint)
            .with_client_options(plain_text())
            .with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential {
                bearer,
            })));
    }
    let store = builder.build().map_err(|error| refused(url, &error))?;
    Ok(Bucket::new(url, within(Arc::new(store), address.prefix)))
}

/// `s3://bucket/prefix`.
#[cfg(feature = "aws")]
pub fn s3(url: &str) -> Result<Bucket, BucketError> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

    use crate::object::Signing;

    let address = Address::parse(url, "s3://")?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(address.bucket)
        .with_retry(retries());
    let known = builder.get_config_value(&AmazonS3ConfigKey::AccessKeyId);
    // Nobody asks for credentials to an emulator, and without any there is nothing to sign with.
    let unsigned = address.endpoint.is_some() && known.is_none();
    if let Some(endpoint) = address.endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_client_options(plain_text())
            .with_skip_signature(unsigned);
    }
    let store = builder.build().map_err(|error| refused(url, &error))?;
    let store = Arc::new(store);
    let place = within(Arc::clone(&store) as _, address.prefix);
    if unsigned {
        return Ok(Bucket::new(url, place));
    }
    let signing = Signing {
        signer: store,
        prefix: Path::from(address.prefix),
    };
    Ok(Bucket::signed(url, place, signing))
}

/// Emulators have no certificates.
fn plain_text() -> ClientOptions {
    ClientOptions::new().with_allow_http(true)
}

fn retries() -> RetryConfig {
    // The HTTP client takes the process's TLS provider. Another part of the process may have set it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RetryConfig {
        retry_timeout: TRY_FOR,
        ..RetryConfig::default()
    }
}

/// The parts of an address.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    bucket: &'a str,
    /// Empty where there is none.
    prefix: &'a str,
    endpoint: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn parse(url: &'a str, scheme: &str) -> Result<Self, BucketError> {
        let refused = || BucketError::Url {
            url: url.to_owned(),
            reason: format!(
                "it is {scheme}bucket or {scheme}bucket/prefix, with ?endpoint=http://HOST:PORT for an emulator"
            ),
        };
        let rest = url.strip_prefix(scheme).unwrap_or("");
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let endpoint = query.map(|query| {
            let endpoint = query.strip_prefix("endpoint=")?;
            endpoint
                .starts_with("http")
                .then_some(endpoint.trim_end_matches('/'))
        });
        let endpoint = endpoint
            .map(|found| found.ok_or_else(refused))
            .transpose()?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_end_matches('/');
        if bucket.is_empty() {
            return Err(refused());
        }
        if !prefix.is_empty() {
            Key::new(prefix)?;
        }
        Ok(Self {
            bucket,
            prefix,
            endpoint,
        })
    }
}

/// The objects below `prefix`.
fn within(store: Arc<dyn ObjectStore>, prefix: &str) -> Place {
    Place::Versioned(match prefix {
        "" => store,
        prefix => Arc::new(PrefixStore::new(store, Path::from(prefix))),
    })
}

fn refused(url: &str, error: &object_store::Error) -> BucketError {
    BucketError::Url {
        url: url.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_its_prefix_and_its_endpoint_are_told_apart() {
        let address = |bucket, prefix, endpoint| Address {
            bucket,
            prefix,
            endpoint,
        };
        for (url, expected) in [
            ("gs://b", address("b", "", None)),
            ("gs://b/", address("b", "", None)),
            ("gs://b/p/q/", address("b", "p/q", None)),
            (
                "gs://b?endpoint=http://127.0.0.1:4443/",
                address("b", "", Some("http://127.0.0.1:4443")),
            ),
            (
                "gs://b/p?endpoint=http://[::1]:1",
                address("b", "p", Some("http://[::1]:1")),
            ),
        ] {
            assert_eq!(Address::parse(url, "gs://").unwrap(), expected);
        }
        for bad in [
            "gs:",
            "gs://",
            "gs:///p",
            "gs://b/../p",
            "gs://b//p",
            "gs://b?",
            "gs://b?endpoint=",
            "gs://b?endpoint=host:1",
            "gs://b?region=x",
        ] {
            assert!(Address::parse(bad, "gs://").is_err(), "{bad}");
        }
    }

    #[cfg(feature = "gcp")]
    #[test]
    fn opening_asks_nobody() {
        assert_eq!(gcs("gs://b/p").unwrap().url(), "gs://b/p");
    }

    #[cfg(feature = "aws")]
    #[test]
    fn opening_asks_nobody_on_aws() {
        assert_eq!(s3("s3://b/p").unwrap().url(), "s3://b/p");
    }
}
