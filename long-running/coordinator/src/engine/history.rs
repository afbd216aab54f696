//! `history/<hour>.jsonl`: the transitions of an hour, written whole while the hour lasts and once after it. A task of its own
//! with a store of its own: neither a large hour nor a slow bucket keeps the leader waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farm_bucket::Bucket;
use farm_model::Timestamp;
use farm_store::Store;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The least time between two writings.
const INTERVAL: Duration = Duration::from_secs(5);
/// A writing that took long is not repeated before so many times its length.
const REST: u32 = 20;
/// Hours that a new leader writes again: an earlier one may have died before it did.
const NEWEST: usize = 2;
/// What the last writing may take.
const CLOSE: Duration = Duration::from_secs(2);

/// Hours that have lines that are not in the bucket, by hours since 1970: a moment in each.
type Hours = Arc<Mutex<BTreeMap<i64, Timestamp>>>;

/// The leader's end of the writer.
pub(super) struct Exporter {
    hours: Hours,
    wake: Arc<Notify>,
    closing: CancellationToken,
    writer: JoinSet<()>,
}

impl Exporter {
    /// Starts the writer, which reads through `store`.
    pub(super) fn start(store: Box<dyn Store>, bucket: Bucket) -> Self {
        let exporter = Self {
            hours: Hours::default(),
            wake: Arc::default(),
            closing: CancellationToken::new(),
            writer: JoinSet::new(),
        };
        let writer = Writer {
            store: Some(store),
            bucket,
            hours: exporter.hours.clone(),
        };
        let (wake, closing) = (exporter.wake.clone(), exporter.closing.clone());
        let mut started = exporter;
        started.writer.spawn(writer.run(wake, closing));
        started
    }

    /// A line was stored at `at`.
    pub(super) fn mark(&self, at: Timestamp) {
        self.hours.lock().insert(hour(at), at);
        self.wake.notify_one();
    }

    /// Writes what is missing, within reason; the next leader writes the rest.
    pub(super) async fn close(&mut self) {
        self.closing.cancel();
        let closed = tokio::time::timeout(CLOSE, self.writer.join_next()).await;
        if closed.is_err() {
            tracing::warn!("the last of history is left to the next start");
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

struct Writer {
    store: Option<Box<dyn Store>>,
    bucket: Bucket,
    hours: Hours,
}

impl Writer {
    async fn run(mut self, wake: Arc<Notify>, closing: CancellationToken) {
        let newest = self.with_store(|store| store.history_hours()).await;
        let newest = newest.unwrap_or_default().into_iter().rev().take(NEWEST);
        self.hours.lock().extend(newest.map(|at| (hour(at), at)));
        loop {
            let began = Instant::now();
            self.export().await;
            if closing.is_cancelled() {
                return;
            }
            let rest = INTERVAL.max(began.elapsed() * REST);
            tokio::select! {
                () = closing.cancelled() => continue,
                () = tokio::time::sleep(rest) => {}
            }
            if self.hours.lock().is_empty() {
                tokio::select! {
                    () = closing.cancelled() => {}
                    () = wake.notified() => {}
                }
            }
        }
    }

    async fn export(&mut self) {
        // Lines that are stored meanwhile mark their hour again.
        let hours = std::mem::take(&mut *self.hours.lock());
        for (number, at) in hours {
            if let Err(error) = self.write(at).await {
                tracing::warn!(%error, "cannot write history; it stays in the database");
                self.hours.lock().insert(number, at);
            }
        }
    }

    async fn write(&mut self, at: Timestamp) -> anyhow::Result<()> {
        let lines = self.with_store(move |store| store.history(at)).await?;
        let mut text = String::new();
        for transition in lines {
            text.push_str(&serde_json::to_string(&transition)?);
            text.push('\n');
        }
        self.bucket.put_history(at, text.into()).await?;
        Ok(())
    }

    async fn with_store<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&mut dyn Store) -> Result<T, farm_store::StoreError> + Send + 'static,
    ) -> anyhow::Result<T> {
        let Some(mut store) = self.store.take() else {
            anyhow::bail!("the store is gone")
        };
        let (store, answer) = tokio::task::spawn_blocking(move || {
            let answer = read(store.as_mut());
            (store, answer)
        })
        .await?;
        self.store = Some(store);
        Ok(answer?)
    }
}

#[cfg(test)]
mod tests {
    use farm_model::record::Transition;
    use farm_store::{Batch, Committed, Durability, SqliteStore};

    use super::*;

    fn line(second: i64) -> Transition {
        Transition {
            at: Timestamp::from_second(second).unwrap(),
            build: Some("0".repeat(32).parse().unwrap()),
            run: 1,
            to: "wanted".to_owned(),
            detail: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn each_hour_is_written_also_what_an_earlier_leader_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let open = || Box::new(SqliteStore::open(&path, Durability::Fsync).unwrap());
        let mut leader = open();
        let epoch = leader.load(farm_store::Keep::Everything).unwrap().epoch;
        let mut commit = |history| {
            let batch = Batch {
                history,
                ..Batch::default()
            };
            assert_eq!(leader.commit(epoch, &batch).unwrap(), Committed::Yes);
        };
        commit(vec![line(3599)]);
        let bucket = Bucket::open("memory:").unwrap();
        let mut exporter = Exporter::start(open(), bucket.clone());
        commit(vec![line(3600), line(3601)]);
        exporter.mark(line(3600).at);
        exporter.close().await;
        let lines = async |second| {
            let hour = Timestamp::from_second(second).unwrap();
            let text = bucket.get_history(hour).await.unwrap().unwrap();
            text.iter().filter(|byte| **byte == b'\n').count()
        };
        assert_eq!((lines(0).await, lines(3600).await), (1, 2));
    }
}
