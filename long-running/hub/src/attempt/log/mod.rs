//! The log of one attempt: what comes in is kept up to a limit and stored in chunks while the attempt runs.
//!
//! Two halves that run side by side: [`Log`] takes bytes in and never waits long, [`Flusher`] stores them. Between them
//! lie at most [`MAX_PENDING`] bytes, whatever a command prints.

mod buffer;
mod flusher;
mod pace;
mod whole;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::id::AttemptKey;
use tokio::time::{Instant, timeout};

use self::buffer::Shared;
pub use self::flusher::{Flusher, Kept};
use super::Tail;

/// Bytes of a full chunk.
const CHUNK: usize = 256 << 10;

/// Bytes that may wait to be stored.
const MAX_PENDING: usize = 2 * CHUNK;

/// How long an attempt waits in all for a bucket that does not keep up, before output is dropped instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// The end that takes bytes in.
pub struct Log {
    shared: Arc<Shared>,
    /// Bytes that may still be kept.
    room: u64,
    /// Bytes dropped over the limit.
    over: u64,
    limit: u64,
    patience: Duration,
    line_open: bool,
}

/// A log of at most `limit` bytes of output, and what stores it. Its end is in `tail`, too.
pub fn open(bucket: Bucket, attempt: AttemptKey, limit: u64, tail: Arc<Tail>) -> (Log, Flusher) {
    let shared = Arc::new(Shared::new(tail));
    let log = Log {
        shared: Arc::clone(&shared),
        room: limit,
        over: 0,
        limit,
        patience: PATIENCE,
        line_open: false,
    };
    (log, Flusher::new(shared, bucket, attempt))
}

impl Log {
    /// Output of a command. Over the limit it is counted and dropped; when the bucket does not take any for long, too.
    pub async fn output(&mut self, bytes: &[u8]) {
        let kept = usize::try_from(self.room).map_or(bytes.len(), |room| bytes.len().min(room));
        self.room -= kept as u64;
        self.over += (bytes.len() - kept) as u64;
        self.take_in(&bytes[..kept]).await;
    }

    /// A line of ours within the limit, on a line of its own.
    pub async fn line(&mut self, text: &str) {
        let line = self.own_line(text);
        self.output(line.as_bytes()).await;
    }

    /// A line of ours that is kept whatever came before.
    pub async fn note(&mut self, text: &str) {
        let line = self.own_line(text);
        self.take_in(line.as_bytes()).await;
    }

    /// Says how much is missing, and that nothing more comes.
    pub async fn close(mut self) {
        if self.over > 0 {
            let (over, limit) = (self.over, self.limit);
            self.note(&format!(
                "[farm] {over} more bytes of output were dropped: the limit of this log is {limit} bytes"
            ))
            .await;
        }
    }

    /// Bytes dropped over the limit so far.
    pub fn over(&self) -> u64 {
        self.over
    }

    fn own_line(&self, text: &str) -> String {
        let start = if self.line_open { "\n" } else { "" };
        format!("{start}{text}\n")
    }

    async fn take_in(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            rest = &rest[self.shared.add(rest)..];
            if rest.is_empty() {
                break;
            }
            if !self.wait_for_room().await {
                self.shared.lose(rest.len());
                break;
            }
        }
        if let Some(last) = bytes.last() {
            self.line_open = *last != b'\n';
        }
    }

    async fn wait_for_room(&mut self) -> bool {
        let began = Instant::now();
        let waited = timeout(self.patience, self.shared.room()).await;
        self.patience = self.patience.saturating_sub(began.elapsed());
        waited.is_ok()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.close();
    }
}
