//! The other half of the intake ledger: deliveries that a webhook has stored and that never came by the queue (the function
//! died in between, or the message was lost) are found in the bucket and handed to the leader, which tells them again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use farm_bucket::{Bucket, BucketError};
use farm_core::{Fact, Refusal};
use farm_forge::stored;
use farm_model::Timestamp;
use farm_model::id::DeliveryId;
use farm_model::message::activity::Activity;
use farm_runtime::Clock;

use crate::engine::Input;

/// Who delivers.
const SOURCES: [&str; 2] = ["github", "gerrit"];
/// How far back is looked: hours that have folders of their own. A farm that was away for longer reads its branches anyway.
const HOURS: i64 = 3;
/// Deliveries listed at once.
const PAGE: usize = 500;
/// Deliveries of one source that are read in one search; the rest is found by the next.
const READ: usize = 200;
/// Deliveries remembered as known.
const KNOWN: usize = 50_000;

/// Deliveries that have come by the queue, or that the leader was told of, since this process began. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    all: BTreeSet<Key>,
    oldest: VecDeque<Key>,
}

type Key = (&'static str, DeliveryId);

impl Known {
    /// This one is known from now on.
    pub(crate) fn note(&self, source: &'static str, delivery: &DeliveryId) {
        let mut recent = self.0.lock();
        let key = (source, delivery.clone());
        if !recent.all.insert(key.clone()) {
            return;
        }
        recent.oldest.push_back(key);
        if recent.oldest.len() > KNOWN
            && let Some(oldest) = recent.oldest.pop_front()
        {
            recent.all.remove(&oldest);
        }
    }

    fn has(&self, source: &'static str, delivery: &DeliveryId) -> bool {
        self.0.lock().all.contains(&(source, delivery.clone()))
    }
}

/// Looks for gaps.
pub(crate) struct Search {
    pub(crate) bucket: Bucket,
    pub(crate) clock: Clock,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) known: Known,
    /// Between two searches.
    pub(crate) period: Duration,
    /// How long a delivery may be on its way.
    pub(crate) grace: SignedDuration,
}

impl Search {
    /// Searches at the start, and again and again.
    pub(crate) async fn run(self) {
        let mut next = tokio::time::interval(self.period);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            next.tick().await;
            for source in SOURCES {
                match self.search(source).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(source, %error, "cannot search the ledger; the next search will");
                    }
                }
            }
        }
    }

    /// One search through the newest hours of a source. False when the farm ends.
    async fn search(&self, source: &'static str) -> Result<bool, BucketError> {
        let now = self.clock.now();
        let mut left = READ;
        for back in (0..HOURS).rev() {
            let hour = now - SignedDuration::from_hours(back);
            for delivery in self.unknown(source, hour, left).await? {
                left -= 1;
                let Some(fact) = self.read(source, hour, &delivery, now).await? else {
                    continue;
                };
                let input = Input {
                    facts: vec![fact],
                    ..Input::default()
                };
                if self.inputs.send(input).await.is_err() {
                    return Ok(false);
                }
                self.known.note(source, &delivery);
            }
        }
        Ok(true)
    }

    /// Stored in that hour, and not known: at most `most`.
    async fn unknown(
        &self,
        source: &'static str,
        hour: Timestamp,
        most: usize,
    ) -> Result<Vec<DeliveryId>, BucketError> {
        let (mut unknown, mut after) = (Vec::new(), None);
        loop {
            let list = self
                .bucket
                .list_deliveries(source, hour, after.as_ref(), PAGE);
            let page = list.await?;
            let full = page.len() == PAGE;
            after = page.last().cloned();
            let new = page.into_iter().filter(|id| !self.known.has(source, id));
            unknown.extend(new.take(most - unknown.len()));
            if !full || unknown.len() >= most {
                return Ok(unknown);
            }
        }
    }

    /// What the leader is told of a delivery; nothing of one that may still be on its way, or that says nothing.
    async fn read(
        &self,
        source: &'static str,
        hour: Timestamp,
        delivery: &DeliveryId,
        now: Timestamp,
    ) -> Result<Option<Fact>, BucketError> {
        let stored = match self.bucket.get_delivery(source, hour, delivery).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(None),
            Err(BucketError::Damaged { key, reason }) => {
                tracing::error!(key, reason, "a stored delivery is damaged");
                return Ok(Some(refused(source, delivery, hour)));
            }
            Err(error) => return Err(error),
        };
        let received = stored.received;
        if now.duration_since(received) < self.grace {
            return Ok(None);
        }
        match stored::hint(source, &stored.headers, &stored.body) {
            Ok(Some(hint)) => Ok(Some(Fact::Found(Activity {
                delivery: delivery.clone(),
                guid: stored.headers["x-github-delivery"]
                    .as_str()
                    .map(str::to_owned),
                received,
                hint,
            }))),
            Ok(None) => {
                self.known.note(source, delivery);
                Ok(None)
            }
            Err(error) => {
                tracing::error!(source, %delivery, %error, "a stored delivery cannot be read");
                Ok(Some(refused(source, delivery, received)))
            }
        }
    }
}

fn refused(source: &'static str, delivery: &DeliveryId, received: Timestamp) -> Fact {
    Fact::Refused(Refusal {
        id: format!("{source}:{delivery}"),
        source: source.to_owned(),
        received,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const PUSH: &str = r#"{"x-github-event":"push"}"#;

    struct Given {
        search: Search,
        inputs: mpsc::Receiver<Input>,
    }

    fn id(number: usize) -> DeliveryId {
        format!("{number:064x}").parse().unwrap()
    }

    fn given(capacity: usize) -> Given {
        let (sender, inputs) = mpsc::channel(capacity);
        let clock = Clock::manual("2026-11-26T06:30:00Z".parse().unwrap());
        let search = Search {
            bucket: Bucket::open("memory:").unwrap(),
            clock,
            inputs: sender,
            known: Known::default(),
            period: Duration::from_secs(300),
            grace: SignedDuration::from_secs(120),
        };
        Given { search, inputs }
    }

    impl Given {
        /// A push that was received so many seconds ago.
        async fn store(&self, number: usize, ago: i64, headers: &str) {
            let at = self.search.clock.now() - SignedDuration::from_secs(ago);
            let body = br#"{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}"#;
            let body = Bytes::from_static(body);
            let (bucket, id) = (&self.search.bucket, id(number));
            let stored = bucket.put_delivery("github", at, &id, Some(headers), body);
            stored.await.unwrap();
        }

        async fn search(&mut self) -> Vec<Fact> {
            assert!(self.search.search("github").await.unwrap());
            let mut facts = Vec::new();
            while let Ok(input) = self.inputs.try_recv() {
                facts.extend(input.facts);
            }
            facts
        }
    }

    fn found(facts: &[Fact]) -> Vec<DeliveryId> {
        let id = |fact: &Fact| match fact {
            Fact::Found(activity) => activity.delivery.clone(),
            other => panic!("{other:?}"),
        };
        facts.iter().map(id).collect()
    }

    #[tokio::test]
    async fn what_did_not_come_by_the_queue_is_found_once() {
        let mut given = given(10);
        given.store(1, 600, PUSH).await;
        given.store(2, 600, PUSH).await;
        given.store(3, 4000, PUSH).await;
        // It may still be on its way, and this one is too old for us.
        given.store(4, 60, PUSH).await;
        given.store(5, 5 * 3600, PUSH).await;
        given.search.known.note("github", &id(2));
        assert_eq!(found(&given.search().await), [id(3), id(1)]);
        assert_eq!(given.search().await, []);
        given.search.clock.advance(SignedDuration::from_secs(120));
        assert_eq!(found(&given.search().await), [id(4)]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_and_what_says_nothing_is_left_alone() {
        let mut given = given(10);
        given.store(1, 600, "{}").await;
        given.store(2, 600, r#"{"x-github-event":"ping"}"#).await;
        let facts = given.search().await;
        let [Fact::Refused(refusal)] = &facts[..] else {
            panic!("{facts:?}")
        };
        assert_eq!(refusal.id, format!("github:{}", id(1)));
        assert_eq!(given.search().await, []);
    }

    #[tokio::test]
    async fn a_search_reads_a_bounded_number_and_the_next_goes_on() {
        let mut given = given(1000);
        for number in 0..READ + 50 {
            given.store(number, 600, PUSH).await;
        }
        let first = found(&given.search().await);
        let second = found(&given.search().await);
        assert_eq!((first.len(), second.len()), (READ, 50));
        let all: BTreeSet<_> = first.into_iter().chain(second).collect();
        assert_eq!(all.len(), READ + 50);
    }
}
