//! What every bucket must do, wherever it lies: in memory, in a folder, on the emulator of Cloud Storage, and, where MiniStack
//! is on this machine, on its S3.

#[cfg(feature = "aws")]
mod aws;
mod blobs;
mod deliveries;
mod history;
mod logs;
mod machines;
mod races;
mod said;
mod sweep;
mod views;

use farm_bucket::Bucket;
use farm_gcs_emulator::{Emulator, Options};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::in_folder;

/// Runs `case` on a new bucket of each kind.
pub async fn each(case: impl AsyncFn(Bucket)) {
    let (bucket, _folder) = in_folder();
    case(bucket).await;
    each_versioned(case).await;
}

/// Runs `case` on a new bucket of each kind whose writes can depend on a version.
pub async fn each_versioned(case: impl AsyncFn(Bucket)) {
    case(Bucket::open("memory:").unwrap()).await;
    let (bucket, _server) = on_gcs().await;
    case(bucket).await;
    #[cfg(feature = "aws")]
    if let Some(bucket) = aws::bucket().await {
        case(bucket).await;
    }
}

/// A new bucket on an emulator of Cloud Storage, which ends with the second value. It has a prefix, as that of a farm may.
async fn on_gcs() -> (Bucket, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let emulator = Emulator::open(Options::default()).await.unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        emulator
            .serve(listener, std::future::pending())
            .await
            .unwrap();
    });
    let url = format!("gs://farm/of/mine?endpoint=http://{address}");
    (Bucket::open(&url).unwrap(), server)
}
