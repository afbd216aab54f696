//! `history/<hour>`: transitions by the hour, and checkpoints between them. While an hour lasts, its lines go into parts, of
//! which only the last is written again as it grows; once it is over it is written whole. A task of its own with a store of
//! its own: neither a large hour nor a slow bucket keeps the leader waiting.

mod hour;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use farm_bucket::Bucket;
use farm_core::page::at::Checkpoint;
use farm_model::Timestamp;
use farm_model::record::Transition;
use farm_store::Store;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use hour::Hour;

use crate::leadership::{Fenced, Leadership};

/// The least time between two writings.
const INTERVAL: Duration = Duration::from_secs(5);
/// Hours that a new leader writes again: an earlier one may have died before it did.
const NEWEST: usize = 2;
/// Checkpoints that wait for the bucket.
const CHECKPOINTS: usize = 16;
/// What the last writing may take.
const CLOSE: Duration = Duration::from_secs(2);

/// What waits for the writer.
#[derive(Default)]
struct Waiting {
    /// By hours since 1970.
    hours: BTreeMap<i64, Hour>,
    /// In their order, at most [`CHECKPOINTS`].
    checkpoints: VecDeque<Checkpoint>,
}

/// The leader's end of the writer.
pub(super) struct Exporter {
    waiting: Arc<Mutex<Waiting>>,
    /// The hour of the last checkpoint.
    checkpoint: Option<i64>,
    wake: Arc<Notify>,
    closing: CancellationToken,
    writer: JoinSet<()>,
}

impl Exporter {
    /// Starts the writer, which reads through `store`.
    pub(super) fn start(store: Box<dyn Store>, bucket: Bucket, leadership: Leadership) -> Self {
        let mut exporter = Self {
            waiting: Arc::default(),
            checkpoint: None,
            wake: Arc::default(),
            closing: CancellationToken::new(),
            writer: JoinSet::new(),
        };
        let writer = Writer {
            store: Some(store),
            bucket,
            leadership,
            waiting: exporter.waiting.clone(),
        };
        let (wake, closing) = (exporter.wake.clone(), exporter.closing.clone());
        exporter.writer.spawn(writer.run(wake, closing));
        exporter
    }

    /// These were stored, in this order.
    pub(super) fn add(&self, lines: &[Transition]) {
        if lines.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for line in lines {
            waiting
                .hours
                .entry(number(line.at))
                .or_insert_with(|| Hour::new(line.at))
                .push(line);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Whether the state after `lines`, stored at `now`, is to be kept: the first of this leader and of each hour, and what
    /// lines cannot tell.
    pub(super) fn wants_checkpoint(&self, lines: &[Transition], now: Timestamp) -> bool {
        self.checkpoint != Some(number(now)) || lines.iter().any(Checkpoint::is_needed_after)
    }

    /// The state of a moment.
    pub(super) fn keep(&mut self, checkpoint: Checkpoint) {
        self.checkpoint = Some(number(checkpoint.at));
        let mut waiting = self.waiting.lock();
        if waiting.checkpoints.len() == CHECKPOINTS {
            // The newest are worth most.
            waiting.checkpoints.pop_front();
        }
        waiting.checkpoints.push_back(checkpoint);
        drop(waiting);
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

fn number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

struct Writer {
    store: Option<Box<dyn Store>>,
    bucket: Bucket,
    leadership: Leadership,
    waiting: Arc<Mutex<Waiting>>,
}

impl Writer {
    async fn run(mut self, wake: Arc<Notify>, closing: CancellationToken) {
        let newest = self.with_store(|store| store.history_hours()).await;
        for at in newest.unwrap_or_default().into_iter().rev().take(NEWEST) {
            let mut waiting = self.waiting.lock();
            let hour = waiting
                .hours
                .entry(number(at))
                .or_insert_with(|| Hour::new(at));
            hour.write_whole();
        }
        loop {
            self.export().await;
            if closing.is_cancelled() {
                return;
            }
            tokio::select! {
                () = closing.cancelled() => continue,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            if self.is_done() {
                tokio::select! {
                    () = closing.cancelled() => {}
                    () = wake.notified() => {}
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.checkpoints.is_empty() && !waiting.hours.values().any(Hour::is_waiting)
    }

    async fn export(&mut self) {
        self.write_checkpoints().await;
        let numbers: Vec<i64> = self.waiting.lock().hours.keys().copied().collect();
        let last = numbers.last().copied();
        for number in numbers {
            let over = Some(number) != last;
            if let Err(error) = self.write(number, over).await {
                tracing::warn!(%error, "cannot write history; it stays in the database");
            }
        }
    }

    async fn write_checkpoints(&mut self) {
        loop {
            let Some(checkpoint) = self.waiting.lock().checkpoints.pop_front() else {
                return;
            };
            if let Err(error) = self.write_checkpoint(&checkpoint).await {
                tracing::warn!(%error, "cannot write a checkpoint; again later");
                return self.waiting.lock().checkpoints.push_front(checkpoint);
            }
        }
    }

    async fn write_checkpoint(&mut self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let text = serde_json::to_vec(checkpoint)?;
        Ok(self
            .bucket
            .put_checkpoint(checkpoint.at, text.into())
            .await?)
    }

    /// Writes what waits of an hour, and all of it once more when it is over.
    async fn write(&mut self, number: i64, over: bool) -> anyhow::Result<()> {
        let whole = self.with_hour(number, |hour| over || hour.is_wanted_whole());
        if whole.unwrap_or(false) {
            return self.write_whole(number, over).await;
        }
        let Some(Some(part)) = self.with_hour(number, Hour::part) else {
            return Ok(());
        };
        let (first, lines) = (part.first, part.lines);
        self.bucket
            .put_history_part(part.at, first, part.text.into())
            .await?;
        self.with_hour(number, |hour| hour.written(first, lines));
        Ok(())
    }

    async fn write_whole(&mut self, number: i64, over: bool) -> anyhow::Result<()> {
        let Some(at) = self.with_hour(number, |hour| hour.at) else {
            return Ok(());
        };
        let stored = self.with_store(move |store| store.history(at)).await?;
        let lines: Vec<String> = stored.iter().map(hour::text).collect();
        // An old leader that was frozen after it read may know less than what is there by now.
        if !self.leadership.holds().await {
            return Err(Fenced.into());
        }
        self.bucket.put_history(at, lines.concat().into()).await?;
        let waits = self.with_hour(number, |hour| {
            hour.is_whole(&lines);
            hour.is_waiting()
        });
        if over && waits == Some(false) {
            self.waiting.lock().hours.remove(&number);
        }
        Ok(())
    }

    fn with_hour<T>(&self, number: i64, use_it: impl FnOnce(&mut Hour) -> T) -> Option<T> {
        self.waiting.lock().hours.get_mut(&number).map(use_it)
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
    use crate::leadership::Handle;

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
        let leadership = Leadership::new(Handle::new(open()), epoch);
        let mut exporter = Exporter::start(open(), bucket.clone(), leadership);
        let two = vec![line(3600), line(3601)];
        commit(two.clone());
        exporter.add(&two);
        exporter.close().await;
        let lines = async |second| {
            let hour = Timestamp::from_second(second).unwrap();
            let text = bucket.get_history(hour).await.unwrap().unwrap();
            text.iter().filter(|byte| **byte == b'\n').count()
        };
        assert_eq!((lines(0).await, lines(3600).await), (1, 2));
    }
}
