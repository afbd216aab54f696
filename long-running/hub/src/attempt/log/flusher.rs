//! The half of a log that stores.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use farm_bucket::Bucket;
use farm_model::id::{AttemptKey, BlobId, LogHash};
use sha1::{Digest, Sha1};
use tokio::time::{sleep, sleep_until, timeout};

use super::buffer::{Next, Shared};
use super::pace::Pace;
use super::whole;

/// A log up to here is held in memory, to be stored whole without being read again.
const SMALL: usize = 1 << 20;

/// Pauses between tries to store one chunk.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Limit of one try.
const TRY: Duration = Duration::from_secs(10);

/// Limit of the only try once a chunk could not be stored.
const WEAK_TRY: Duration = Duration::from_secs(2);

/// What became of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Bytes stored in chunks.
    pub bytes: u64,
    /// Bytes that could not be stored.
    pub lost: u64,
    /// All of it as one blob, if nothing is missing.
    pub whole: Option<BlobId>,
    /// What clients of 2019 find it by, if nothing is missing.
    pub hash: Option<LogHash>,
    /// The first thing that went wrong.
    pub trouble: Option<String>,
}

/// Stores what the log takes in until the log is closed.
pub struct Flusher {
    shared: Arc<Shared>,
    bucket: Bucket,
    attempt: AttemptKey,
    pace: Pace,
    offset: u64,
    /// The log so far, while it is small.
    small: Option<BytesMut>,
    /// Of what is stored.
    hash: Sha1,
    kept: Kept,
}

impl Flusher {
    pub(super) fn new(shared: Arc<Shared>, bucket: Bucket, attempt: AttemptKey) -> Self {
        Self {
            shared,
            bucket,
            attempt,
            pace: Pace::start(),
            offset: 0,
            small: Some(BytesMut::new()),
            hash: Sha1::new(),
            kept: Kept::default(),
        }
    }

    /// Stores until the other half is dropped, then all as one blob. Ends in bounded time after that, whatever the bucket
    /// does.
    pub async fn run(mut self) -> Kept {
        while let Some(chunk) = self.next().await {
            self.pace.sent();
            self.store(chunk).await;
        }
        self.kept.lost += self.shared.lost();
        if self.kept.lost == 0 && self.kept.bytes > 0 {
            self.store_whole().await;
            self.note_hash().await;
        }
        self.kept
    }

    async fn next(&self) -> Option<Bytes> {
        loop {
            match self.shared.next(self.pace.due()) {
                Next::Chunk(chunk) => return Some(chunk),
                Next::End => return None,
                Next::Wait { some: false } => self.shared.more().await,
                Next::Wait { some: true } => tokio::select! {
                    () = sleep_until(self.pace.due()) => {}
                    () = self.shared.more() => {}
                },
            }
        }
    }

    async fn store(&mut self, chunk: Bytes) {
        let len = chunk.len() as u64;
        match self.put(&chunk).await {
            Ok(()) => {
                self.kept.bytes += len;
                self.hash.update(&chunk);
                self.remember(&chunk);
            }
            Err(error) => {
                self.kept.lost += len;
                self.kept.trouble.get_or_insert(error);
            }
        }
        self.offset += len;
        self.shared.stored(self.offset);
    }

    async fn put(&self, chunk: &Bytes) -> Result<(), String> {
        if self.kept.trouble.is_some() {
            return self.try_put(chunk, WEAK_TRY).await.map_err(|no| no.text);
        }
        for pause in PAUSES {
            match self.try_put(chunk, TRY).await {
                Err(no) if no.may_pass => sleep(pause).await,
                other => return other.map_err(|no| no.text),
            }
        }
        self.try_put(chunk, TRY).await.map_err(|no| no.text)
    }

    async fn try_put(&self, chunk: &Bytes, limit: Duration) -> Result<(), No> {
        let put = self
            .bucket
            .put_log_chunk(&self.attempt, self.offset, chunk.clone());
        match timeout(limit, put).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(No {
                may_pass: error.may_pass(),
                text: error.to_string(),
            }),
            Err(_) => Err(No {
                may_pass: true,
                text: format!("the bucket did not answer within {} s", limit.as_secs()),
            }),
        }
    }

    fn remember(&mut self, chunk: &Bytes) {
        let fits = |small: &BytesMut| small.len() + chunk.len() <= SMALL;
        self.small = self.small.take().filter(fits).map(|mut small| {
            small.extend_from_slice(chunk);
            small
        });
    }

    async fn store_whole(&mut self) {
        let stored = match self.small.take() {
            Some(small) => whole::of_memory(&self.bucket, small.freeze()).await,
            None => whole::of_chunks(&self.bucket, &self.attempt, self.kept.bytes).await,
        };
        match stored {
            Ok(id) => self.kept.whole = Some(id),
            Err(error) => {
                self.kept.trouble.get_or_insert(error);
            }
        }
    }
}

impl Flusher {
    /// Makes it known whose log has this text. One that cannot be found so is still there.
    async fn note_hash(&mut self) {
        let digest = std::mem::take(&mut self.hash).finalize();
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let Ok(hash) = digits.parse() else {
            return;
        };
        match timeout(TRY, self.bucket.put_log_hash(&hash, &self.attempt)).await {
            Ok(Ok(_)) => self.kept.hash = Some(hash),
            Ok(Err(error)) => tracing::warn!(%error, "a log cannot be found by its hash"),
            Err(_) => tracing::warn!("a log cannot be found by its hash: no answer in {TRY:?}"),
        }
    }
}

/// Why a chunk is not stored.
struct No {
    /// It may be if tried again.
    may_pass: bool,
    text: String,
}
