//! The broker without its wire, with a clock that stands still.

mod life;
mod model;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use super::*;
use crate::clock::{ManualClock, Moment};
use crate::encoded::ReceivedMessage;
use crate::lease::Hold;
use crate::proto::{CreateSnapshotRequest, PubsubMessage, Subscription, Topic};
use crate::refusal::Refusal;

const TOPIC: &str = "projects/test/topics/events";
const DAY: u64 = 24 * 3600;

/// A broker and its clock. What the ticker does is done by hand.
struct Farm {
    broker: Arc<Broker>,
    clock: Arc<ManualClock>,
    options: Options,
}

impl Farm {
    fn open(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(Moment::from_micros(1_700_000_000_000_000)));
        let broker = Broker::open(&options, clock.clone()).unwrap();
        Self {
            broker,
            clock,
            options,
        }
    }

    fn memory() -> Self {
        Self::open(Options::default())
    }

    fn durable(folder: &Path) -> Self {
        Self::open(Options::durable(folder))
    }

    /// Ends it and begins again with what is on disk.
    fn restart(&mut self) {
        self.broker.stop();
        // No two runs begin at the same time: their leases are told apart by it.
        self.clock.advance(Duration::from_secs(1));
        self.broker = Broker::open(&self.options, self.clock.clone()).unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.broker.expire().await;
        self.broker.tick();
    }

    fn now(&self) -> Moment {
        self.broker.clock.now()
    }

    async fn topic(&self, retention: Option<u64>) {
        let topic = Topic {
            name: TOPIC.to_owned(),
            message_retention_duration: retention.map(duration),
            ..Topic::default()
        };
        self.broker.create_topic(topic).await.unwrap();
    }

    async fn subscribe(&self, id: &str, config: Subscription) {
        let config = Subscription {
            name: name(id),
            topic: TOPIC.to_owned(),
            ..config
        };
        self.broker.create_subscription(config).await.unwrap();
    }

    async fn publish(&self, messages: Vec<PubsubMessage>) -> Vec<u64> {
        let ids = self.broker.publish(TOPIC, messages).await.unwrap();
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    /// So many plain messages; their numbers.
    async fn publish_some(&self, count: usize) -> Vec<u64> {
        self.publish(vec![message("x"); count]).await
    }

    async fn pull(&self, id: &str) -> Vec<ReceivedMessage> {
        let name = name(id);
        let pulled = self.broker.pull(&name, 1000, Duration::ZERO);
        pulled.await.unwrap()
    }

    /// Pulls and acknowledges everything.
    async fn finish(&self, id: &str) -> Vec<u64> {
        let pulled = self.pull(id).await;
        let ids: Vec<_> = pulled.iter().map(|one| one.ack_id.clone()).collect();
        let settled = self.broker.acknowledge(&name(id), &ids).await.unwrap();
        assert_eq!(settled.done.len(), ids.len());
        numbers(&pulled)
    }

    async fn snapshot(&self, id: &str, of: &str) -> Result<crate::proto::Snapshot, Refusal> {
        let request = CreateSnapshotRequest {
            name: format!("projects/test/snapshots/{id}"),
            subscription: name(of),
            ..CreateSnapshotRequest::default()
        };
        self.broker.create_snapshot(request).await
    }

    async fn seek_to(&self, id: &str, snapshot: &str) -> Result<(), Refusal> {
        let snapshot = format!("projects/test/snapshots/{snapshot}");
        self.broker
            .seek(&name(id), SeekTo::Snapshot(snapshot))
            .await
    }

    async fn seek_back(&self, id: &str, seconds: u64) {
        let ago = self.now().as_micros() - seconds * 1_000_000;
        let to = SeekTo::Time(Moment::from_micros(ago));
        self.broker.seek(&name(id), to).await.unwrap();
    }

    /// The unacknowledged and the retained messages of a subscription.
    fn state(&self, id: &str) -> (Vec<u64>, Vec<u64>) {
        let state = self.broker.state.lock();
        let id = state.find(&name(id)).unwrap();
        let leases = &state.subscriptions[&id].leases;
        let held = |wanted: fn(Hold) -> bool| {
            let seqs = leases
                .seqs()
                .filter(|seq| wanted(leases.hold(*seq).unwrap()));
            seqs.map(|seq| seq.0).collect()
        };
        (
            held(|hold| hold != Hold::Acked),
            held(|hold| hold == Hold::Acked),
        )
    }
}

fn name(id: &str) -> String {
    format!("projects/test/subscriptions/{id}")
}

/// The whole list.
fn page() -> Page {
    Page::new(0, "").unwrap()
}

fn duration(seconds: u64) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(seconds).unwrap(),
        nanos: 0,
    }
}

fn message(text: &str) -> PubsubMessage {
    PubsubMessage {
        data: text.to_owned().into(),
        ..PubsubMessage::default()
    }
}

fn opened(received: &ReceivedMessage) -> PubsubMessage {
    PubsubMessage::decode(received.message.clone()).unwrap()
}

fn numbers(received: &[ReceivedMessage]) -> Vec<u64> {
    let ids = received.iter().map(|one| opened(one).message_id);
    ids.map(|id| id.parse().unwrap()).collect()
}
