//! One publisher a key: a number after the other, each until it is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::pubsub::Wire;
use bench::pubsub::wire::message;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{PublishRequest, PubsubMessage};
use tokio::time::{interval, timeout};

use crate::lives::Lives;

/// The attribute with the place of a message in its key, from 1.
pub const PLACE: &str = "place";
/// An answer that takes longer is taken for lost.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

pub struct Publisher {
    wire: Wire,
    topic: String,
    key: u32,
}

/// What one publisher has done.
pub struct OfKey {
    pub key: u32,
    /// All places up to here were answered.
    pub answered: u64,
    /// Requests without an answer: their messages may be there too.
    pub unanswered: u64,
}

/// All publishers.
pub struct Answered {
    pub of_keys: Vec<OfKey>,
}

impl Answered {
    pub fn of(of_keys: Vec<OfKey>) -> Self {
        Self { of_keys }
    }

    pub fn summary(&self) -> String {
        let sum = |of: fn(&OfKey) -> u64| self.of_keys.iter().map(of).sum::<u64>();
        format!(
            "published: {} messages answered, in {} keys; requests without an answer, published again: {}",
            sum(|key| key.answered),
            self.of_keys.len(),
            sum(|key| key.unanswered)
        )
    }
}

impl Publisher {
    pub fn new(lives: &Arc<Lives>, topic: &str, key: u32) -> Self {
        Self {
            wire: Wire::lazy(&lives.address),
            topic: topic.to_owned(),
            key,
        }
    }

    /// One message every `pause`; what a restart has held up is made up for.
    pub async fn run(mut self, pause: Duration, end: Instant) -> OfKey {
        let mut ticks = interval(pause);
        let mut done = OfKey {
            key: self.key,
            answered: 0,
            unanswered: 0,
        };
        while Instant::now() < end {
            ticks.tick().await;
            while !self.publish(done.answered + 1).await {
                done.unanswered += 1;
                tokio::time::sleep(PAUSE).await;
            }
            done.answered += 1;
        }
        done
    }

    async fn publish(&mut self, place: u64) -> bool {
        let message = PubsubMessage {
            ordering_key: self.key.to_string(),
            attributes: [(PLACE.to_owned(), place.to_string())].into(),
            ..message()
        };
        let request = PublishRequest {
            topic: self.topic.clone(),
            messages: vec![message],
        };
        let answer = timeout(PATIENCE, self.wire.publisher.publish(request)).await;
        matches!(answer, Ok(Ok(_)))
    }
}
