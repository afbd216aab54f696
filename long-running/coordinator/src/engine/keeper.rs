//! Keeps the newest checkpoints in the bucket. A task of its own: neither packing nor a slow bucket keeps the leader waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::checkpoint::{Checkpoint, Name};

/// Checkpoints that wait to be written.
const WAITING: usize = 2;
/// What the end may take.
const CLOSE: Duration = Duration::from_secs(2);

/// The leader's end of the keeper.
pub(super) struct Keeper {
    checkpoints: Option<mpsc::Sender<Box<Checkpoint>>>,
    /// Second of the oldest checkpoint once as many are kept as may be; before that the start of time.
    oldest: Arc<AtomicI64>,
    task: JoinSet<()>,
}

impl Keeper {
    /// Starts it; it keeps `kept` checkpoints.
    pub(super) fn start(bucket: Bucket, kept: usize) -> Self {
        let (checkpoints, mut incoming) = mpsc::channel::<Box<Checkpoint>>(WAITING);
        let oldest = Arc::new(AtomicI64::new(i64::MIN));
        let mut task = JoinSet::new();
        let told = Arc::clone(&oldest);
        task.spawn(async move {
            while let Some(checkpoint) = incoming.recv().await {
                match keep(&bucket, *checkpoint, kept).await {
                    Ok(Some(second)) => told.store(second, Ordering::Relaxed),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "cannot keep a checkpoint for replays"),
                }
            }
        });
        Self {
            checkpoints: Some(checkpoints),
            oldest,
            task,
        }
    }

    /// Writes it in its own time, or not at all where too many wait.
    pub(super) fn keep(&self, checkpoint: Checkpoint) {
        let sent = self
            .checkpoints
            .as_ref()
            .map(|to| to.try_send(Box::new(checkpoint)));
        if !matches!(sent, Some(Ok(()))) {
            tracing::warn!("a checkpoint for replays is left out: the bucket is slow");
        }
    }

    /// Decisions from before this cannot be replayed any more.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.oldest.load(Ordering::Relaxed)).ok()
    }

    /// Writes what waits, within reason.
    pub(super) async fn close(&mut self) {
        self.checkpoints = None;
        if tokio::time::timeout(CLOSE, self.task.join_next())
            .await
            .is_err()
        {
            tracing::warn!("a checkpoint for replays was not written");
        }
    }
}

/// Writes one, and removes those that are too many; the second of the oldest if there were any.
async fn keep(bucket: &Bucket, checkpoint: Checkpoint, kept: usize) -> anyhow::Result<Option<i64>> {
    let name = checkpoint.name().text();
    let packed = tokio::task::spawn_blocking(move || checkpoint.pack()).await??;
    bucket.put_replay(&name, packed.into()).await?;
    let mut names = bucket.list_replays().await?;
    let excess = names.len().saturating_sub(kept);
    for name in names.drain(..excess) {
        bucket.remove_replay(&name).await?;
    }
    let oldest = names.first().filter(|_| names.len() >= kept);
    let oldest = oldest.and_then(|name| Name::parse(name));
    Ok(oldest.map(|name| name.at().as_second()))
}

#[cfg(test)]
mod tests {
    use farm_core::Policy;
    use farm_store::{Durability, Keep, SqliteStore, Store};

    use super::*;
    use crate::engine::Leader;

    #[tokio::test]
    async fn only_the_newest_are_kept() {
        let bucket = Bucket::open("memory:").unwrap();
        let mut store = SqliteStore::open("unused".as_ref(), Durability::Memory).unwrap();
        for second in 0..4 {
            let now = Timestamp::from_second(second).unwrap();
            let loaded = store.load(Keep::Everything).unwrap();
            let (leader, _) = Leader::restore(loaded, Policy::default(), now);
            let oldest = keep(&bucket, leader.first_checkpoint(now), 2)
                .await
                .unwrap();
            assert_eq!(oldest, (second > 0).then_some(second - 1));
        }
        let names = bucket.list_replays().await.unwrap();
        let wanted = [
            "0000000003-000000000000-2.json.gz",
            "0000000004-000000000000-3.json.gz",
        ];
        assert_eq!(names, wanted);
    }
}
