//! Buckets of every kind: `contract` is one suite for all of them, `folders` what only those in a folder do.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]
#![cfg_attr(
    feature = "aws",
    expect(
        clippy::expect_used,
        reason = "a helper that fails is a test that fails"
    )
)]

// Servers of others as processes, as the tests of the bus have them.
#[cfg(feature = "aws")]
#[path = "../../../bus/tests/it/child.rs"]
mod child;
mod contract;
mod folders;

use farm_bucket::{Bucket, folder_url};
use farm_model::Timestamp;
use tempfile::TempDir;

/// A new bucket in a folder that goes away with the second value.
fn in_folder() -> (Bucket, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = folder_url(&folder.path().join("bucket")).unwrap();
    (Bucket::open(&url).unwrap(), folder)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
