use farm_core::{Fact, Policy};
use farm_model::Timestamp;
use farm_store::{Committed, Durability, Epoch, Keep, SqliteStore};

use super::*;
use crate::engine::Leader;

/// A leader with its store and bucket, told a little of everything.
struct Story {
    folder: tempfile::TempDir,
    bucket: Bucket,
    store: SqliteStore,
    second: i64,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("state.db"), Durability::Fsync).unwrap();
        Self {
            folder,
            bucket: Bucket::open("memory:").unwrap(),
            store,
            second: 0,
        }
    }

    fn now(&mut self) -> Timestamp {
        self.second += 1;
        Timestamp::from_second(self.second).unwrap()
    }

    async fn keep(&self, checkpoint: Checkpoint) {
        let name = checkpoint.name().text();
        let bytes = checkpoint.pack().unwrap().into();
        self.bucket.put_replay(&name, bytes).await.unwrap();
    }

    /// One epoch of `rounds` rounds.
    async fn lead(&mut self, rounds: i64, policy: Policy) {
        let now = self.now();
        let loaded = self.store.load(Keep::Everything).unwrap();
        let epoch: Epoch = loaded.epoch;
        let (mut leader, _) = Leader::restore(loaded, policy, now);
        self.keep(leader.first_checkpoint(now)).await;
        for round in 0..rounds {
            let now = self.now();
            let trouble = Fact::Trouble {
                about: "the weather".to_owned(),
                text: Some(format!("storm {round}")),
            };
            let facts = if round % 3 == 0 { trouble } else { Fact::Tick };
            let round = leader.take(vec![facts], now).unwrap();
            if !round.batch.is_empty() {
                let committed = self.store.commit(epoch, &round.batch).unwrap();
                assert_eq!(committed, Committed::Yes);
            }
            if let Some(checkpoint) = round.checkpoint {
                self.keep(checkpoint).await;
            }
        }
    }

    async fn replay(&self, span: Span) -> anyhow::Result<Replayed> {
        let path = self.folder.path().join("state.db");
        let store = SqliteStore::open(&path, Durability::Fsync).unwrap();
        replay(Box::new(store), &self.bucket, span).await
    }
}

fn often() -> Policy {
    Policy {
        checkpoint_after: 1500,
        checkpoint_every: jiff::SignedDuration::ZERO,
        ..Policy::default()
    }
}

#[tokio::test]
async fn what_was_decided_is_decided_again_over_restarts_and_checkpoints() {
    let mut story = Story::new();
    story.lead(30, often()).await;
    story.lead(30, often()).await;
    assert!(story.bucket.list_replays().await.unwrap().len() > 3);
    let all = story.replay(Span::default()).await.unwrap();
    assert_eq!((all.first, &all.difference), (1, &None));
    let logged = story.store.decisions(0, 1000).unwrap().len();
    assert!(logged >= 20, "{logged}");
    assert_eq!(all.decisions, logged as u64);
    let some = Span {
        from: Some(15),
        to: Some(17),
    };
    let part = story.replay(some).await.unwrap();
    assert!(part.first > 1 && part.first <= 15, "{part:?}");
    assert_eq!((part.last, part.difference), (17, None));
}

#[tokio::test]
async fn a_doctored_log_is_found_out() {
    let mut story = Story::new();
    story.lead(30, Policy::default()).await;
    let mut page = story.store.decisions(0, 100).unwrap();
    let bucket = &story.bucket;
    let mut rerun = Rerun {
        checkpoints: checkpoints(bucket).await.unwrap(),
        bucket,
        span: Span::default(),
        player: Player::default(),
        replayed: None,
        others: Vec::new(),
    };
    // The weather was another.
    let inputs = &mut page[4].decision.inputs;
    *inputs = inputs.replace(
        r#""about":"the weather","text":"storm 12""#,
        r#""about":"the weather","text":"storm 9""#,
    );
    for decision in &page {
        if rerun.difference().is_none() {
            rerun.play(decision).await.unwrap();
        }
    }
    let found = rerun.end().unwrap();
    let difference = found.difference.unwrap();
    assert_eq!((found.decisions, difference.number), (5, 5));
    assert!(difference.found.is_empty() && !difference.logged.is_empty());
    assert_eq!(difference.facts.len(), 1);
}

#[tokio::test]
async fn another_version_is_refused() {
    let mut story = Story::new();
    story.lead(3, Policy::default()).await;
    let names = story.bucket.list_replays().await.unwrap();
    let other = br#"{"version":"9.9.9","schema":77,"all":"else"}"#;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, other).unwrap();
    let bytes = packed.finish().unwrap().into();
    story.bucket.put_replay(&names[0], bytes).await.unwrap();
    let error = story.replay(Span::default()).await.unwrap_err().to_string();
    assert!(error.contains("version 9.9.9 (decisions 77)"), "{error}");
}

#[tokio::test]
async fn without_a_checkpoint_it_says_so() {
    let story = Story::new();
    let error = story.replay(Span::default()).await.unwrap_err().to_string();
    assert!(error.starts_with("nothing to replay"), "{error}");
}
