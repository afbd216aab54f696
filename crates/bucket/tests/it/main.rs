//! One suite for every kind of bucket that needs no network: in memory and in a folder.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod blobs;
mod deliveries;
mod folders;
mod history;
mod logs;
mod machines;
mod said;
mod views;

use farm_bucket::{Bucket, folder_url};
use farm_model::Timestamp;
use tempfile::TempDir;

/// Runs `case` on a new bucket of each kind.
async fn each(case: impl AsyncFn(Bucket)) {
    case(Bucket::open("memory:").unwrap()).await;
    let (bucket, _folder) = in_folder();
    case(bucket).await;
}

/// A new bucket in a folder that goes away with the second value.
fn in_folder() -> (Bucket, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = folder_url(&folder.path().join("bucket")).unwrap();
    (Bucket::open(&url).unwrap(), folder)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
