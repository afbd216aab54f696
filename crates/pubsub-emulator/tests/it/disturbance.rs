//! Messages in trouble on purpose: lost ones come again, repeated ones have ids of their own, late ones are overtaken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farm_pubsub_emulator::{Disturbance, Fate, Options};
use google_cloud_pubsub::model::Subscription;

use crate::harness::{SUB, Server, TOPIC, publish, texts};

const SOON: Duration = Duration::from_millis(50);

/// Loses the first delivery of the first message, delays that of the second, and repeats what it is told to.
#[derive(Debug, Default)]
struct Trouble {
    deliveries: AtomicU64,
    repeats: bool,
}

impl Disturbance for Trouble {
    fn repeats(&self, topic: &str) -> bool {
        self.repeats && topic == TOPIC
    }

    fn fate(&self, subscription: &str, _id: u64, attempt: u32) -> Fate {
        assert_eq!(subscription, SUB);
        match self.deliveries.fetch_add(1, Ordering::Relaxed) {
            _ if self.repeats => Fate::Delivered,
            0 => {
                assert_eq!(attempt, 1);
                Fate::Lost { again: SOON }
            }
            1 => Fate::Late { by: SOON },
            _ => Fate::Delivered,
        }
    }
}

async fn server(repeats: bool) -> Server {
    let disturbance = Trouble {
        repeats,
        ..Trouble::default()
    };
    let server = Server::start(Options {
        disturbance: Some(Arc::new(disturbance)),
        ..Options::default()
    });
    let server = server.await;
    server.set_up(Subscription::new()).await;
    server
}

#[tokio::test]
async fn what_is_lost_or_late_comes_after_what_is_not() {
    let server = server(false).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["lost".to_owned()]).await;
    publish(&publisher, ["late".to_owned()]).await;
    publish(&publisher, ["prompt".to_owned()]).await;
    let mut stream = server.stream(SUB).await;
    let mut received = texts(&mut stream, 3).await;
    assert_eq!(received[0], "prompt");
    received.sort();
    assert_eq!(received, ["late", "lost", "prompt"]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_repeated_arrives_twice_and_is_answered_once() {
    let server = server(true).await;
    let publisher = server.publisher(TOPIC).await;
    let ids = publish(&publisher, ["twice".to_owned()]).await;
    assert_eq!(ids.len(), 1);
    let mut stream = server.stream(SUB).await;
    assert_eq!(texts(&mut stream, 2).await, ["twice", "twice"]);
    server.stop().await;
}
