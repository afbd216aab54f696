//! A finished log as one blob.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use farm_bucket::{Bucket, BucketError};
use farm_model::id::{AttemptKey, BlobId};
use futures::{Stream, stream};
use tokio::time::timeout;

/// Read at once from the chunks.
const PIECE: usize = 1 << 20;

/// The least time for it, and what is added for each [`PIECE`].
const LIMIT: Duration = Duration::from_secs(20);
const LIMIT_EACH: Duration = Duration::from_millis(500);

/// Stores a log that is in memory.
pub async fn of_memory(bucket: &Bucket, log: Bytes) -> Result<BlobId, String> {
    within(LIMIT, bucket.put_blob(log)).await
}

/// Stores a log of `bytes` bytes from its chunks, without holding it.
pub async fn of_chunks(
    bucket: &Bucket,
    attempt: &AttemptKey,
    bytes: u64,
) -> Result<BlobId, String> {
    let pieces = u32::try_from(bytes / PIECE as u64).unwrap_or(u32::MAX);
    let limit = LIMIT + LIMIT_EACH.saturating_mul(pieces);
    let put = bucket.put_blob_from(pieces_of(bucket, attempt, bytes), bytes, None);
    within(limit, put).await
}

fn pieces_of<'a>(
    bucket: &'a Bucket,
    attempt: &'a AttemptKey,
    bytes: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'a {
    stream::try_unfold(0, move |from| async move {
        if from >= bytes {
            return Ok(None);
        }
        let read = bucket.read_log(attempt, from, PIECE).await;
        let piece = read.map_err(io::Error::other)?;
        if piece.offset != from || piece.bytes.is_empty() {
            let gap = format!("a chunk at byte {from} is missing");
            return Err(io::Error::other(gap));
        }
        Ok(Some((piece.bytes, piece.next)))
    })
}

async fn within(
    limit: Duration,
    put: impl Future<Output = Result<BlobId, BucketError>>,
) -> Result<BlobId, String> {
    match timeout(limit, put).await {
        Ok(stored) => stored.map_err(|error| format!("the log is not stored whole: {error}")),
        Err(_) => Err(format!(
            "the log is not stored whole: the bucket did not answer within {} s",
            limit.as_secs()
        )),
    }
}
