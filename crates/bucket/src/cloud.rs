//! Buckets of Google Cloud and AWS.
//!
//! Credentials are those that the platform gives the process: `object_store` finds them itself (on AWS in the
//! environment that Lambda and ECS set, or at the instance's metadata server).

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

use crate::key::Key;
use crate::object::Place;
use crate::{Bucket, BucketError};

/// A webhook's function has 30 s in all.
const TRY_FOR: Duration = Duration::from_secs(20);

/// `gs://bucket/prefix`.
#[cfg(feature = "gcp")]
pub fn gcs(url: &str) -> Result<Bucket, BucketError> {
    let (bucket, prefix) = split(url, "gs://")?;
    let store = object_store::gcp::GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_retry(retries())
        .build();
    opened(url, prefix, store)
}

/// `s3://bucket/prefix`.
#[cfg(feature = "aws")]
pub fn s3(url: &str) -> Result<Bucket, BucketError> {
    let (bucket, prefix) = split(url, "s3://")?;
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retries())
        .build();
    opened(url, prefix, store)
}

fn retries() -> RetryConfig {
    // The HTTP client takes the process's TLS provider. Another part of the process may have set it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RetryConfig {
        retry_timeout: TRY_FOR,
        ..RetryConfig::default()
    }
}

fn split<'a>(url: &'a str, scheme: &str) -> Result<(&'a str, &'a str), BucketError> {
    let rest = url.strip_prefix(scheme).unwrap_or("");
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    if bucket.is_empty() {
        return Err(BucketError::Url {
            url: url.to_owned(),
            reason: format!("it is {scheme}bucket or {scheme}bucket/prefix"),
        });
    }
    if !prefix.is_empty() {
        Key::new(prefix)?;
    }
    Ok((bucket, prefix))
}

fn opened(
    url: &str,
    prefix: &str,
    store: object_store::Result<impl ObjectStore>,
) -> Result<Bucket, BucketError> {
    let store = store.map_err(|error| BucketError::Url {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    let store: Arc<dyn ObjectStore> = match prefix {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, Path::from(prefix))),
    };
    Ok(Bucket::new(url, Place::Versioned(store)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_its_prefix_are_told_apart() {
        assert_eq!(split("gs://b", "gs://").unwrap(), ("b", ""));
        assert_eq!(split("gs://b/", "gs://").unwrap(), ("b", ""));
        assert_eq!(split("s3://b/p/q/", "s3://").unwrap(), ("b", "p/q"));
        for bad in ["gs:", "gs://", "gs:///p", "gs://b/../p", "gs://b//p"] {
            assert!(split(bad, "gs://").is_err(), "{bad}");
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
