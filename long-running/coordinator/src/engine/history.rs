//! `history/<hour>.jsonl`: the transitions of an hour, written whole while the hour lasts and once after it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use farm_bucket::Bucket;
use farm_model::Timestamp;
use farm_store::Store;

/// The least time between two writings of the present hour.
const INTERVAL: Duration = Duration::from_secs(5);

/// Hours that a new leader writes again.
const NEWEST: usize = 2;

/// Knows which hours have lines that are not in the bucket.
pub(super) struct Exporter {
    bucket: Bucket,
    /// By hours since 1970: a moment in that hour.
    hours: BTreeMap<i64, Timestamp>,
    written: Option<Instant>,
}

impl Exporter {
    /// Nothing is known to be missing yet.
    pub(super) fn new(bucket: Bucket) -> Self {
        Self {
            bucket,
            hours: BTreeMap::new(),
            written: None,
        }
    }

    /// A line was stored at `at`.
    pub(super) fn mark(&mut self, at: Timestamp) {
        self.hours.insert(at.as_second().div_euclid(3600), at);
    }

    /// Marks the newest hours in the store: an earlier leader may have died before it wrote them.
    pub(super) fn mark_newest(&mut self, store: &mut dyn Store) {
        match store.history_hours() {
            Ok(hours) => hours
                .iter()
                .rev()
                .take(NEWEST)
                .for_each(|at| self.mark(*at)),
            Err(error) => tracing::warn!(%error, "cannot read which hours have history"),
        }
    }

    /// Writes the hours that have new lines, if it is time; `last` writes in any case.
    pub(super) async fn export(&mut self, store: &mut dyn Store, last: bool) {
        if !last && self.written.is_some_and(|at| at.elapsed() < INTERVAL) {
            return;
        }
        while let Some((number, at)) = self.hours.first_key_value().map(|(n, at)| (*n, *at)) {
            if let Err(error) = self.write(store, at).await {
                tracing::warn!(%error, "cannot write history; it stays in the database");
                return;
            }
            self.hours.remove(&number);
            self.written = Some(Instant::now());
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
