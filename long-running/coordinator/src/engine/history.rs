//! `history/<hour>.jsonl`: the transitions of an hour, written whole while the hour lasts and once after it.

use std::time::{Duration, Instant};

use farm_bucket::Bucket;
use farm_model::Timestamp;
use farm_store::Store;

/// The least time between two writings of the present hour.
const INTERVAL: Duration = Duration::from_secs(5);

/// Knows which hour has lines that are not in the bucket.
pub(super) struct Exporter {
    bucket: Bucket,
    hour: Option<Timestamp>,
    written: Option<Instant>,
}

impl Exporter {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self { bucket, hour: None, written: None }
    }

    /// A line was stored at `at`.
    pub(super) fn mark(&mut self, at: Timestamp) {
        self.hour.get_or_insert(at);
    }

    /// Writes the hour that has new lines, if it is time; `last` writes in any case.
    pub(super) async fn export(&mut self, store: &mut dyn Store, last: bool) {
        let early = self.written.is_some_and(|at| at.elapsed() < INTERVAL);
        let Some(hour) = self.hour.filter(|_| last || !early) else { return };
        match self.write(store, hour).await {
            Ok(()) => {
                self.hour = None;
                self.written = Some(Instant::now());
            }
            Err(error) => tracing::warn!(%error, "cannot write history; it stays in the database"),
        }
    }

    async fn write(&self, store: &mut dyn Store, hour: Timestamp) -> anyhow::Result<()> {
        let mut text = String::new();
        for transition in store.history(hour)? {
            text.push_str(&serde_json::to_string(&transition)?);
            text.push('\n');
        }
        self.bucket.put_history(hour, text.into()).await?;
        Ok(())
    }
}
