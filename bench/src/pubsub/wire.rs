//! The plain gRPC client: generated stubs, and nothing between them and the connection.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use proto::publisher_client::PublisherClient;
use proto::subscriber_client::SubscriberClient;
use proto::{PublishRequest, PubsubMessage, Subscription, Topic};
use tonic::transport::{Channel, Endpoint};

/// Of one message's data.
pub const MESSAGE_BYTES: usize = 1024;

static NAMES: AtomicU64 = AtomicU64::new(0);
static DATA: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; MESSAGE_BYTES].into());

/// A message of 1 KiB.
#[must_use]
pub fn message() -> PubsubMessage {
    PubsubMessage {
        data: DATA.clone(),
        ..PubsubMessage::default()
    }
}

/// A connection of its own.
#[derive(Debug, Clone)]
pub struct Wire {
    /// Topics and publishing.
    pub publisher: PublisherClient<Channel>,
    /// Subscriptions and pulling.
    pub subscriber: SubscriberClient<Channel>,
}

impl Wire {
    /// Connects to `address`, host and port.
    ///
    /// # Panics
    /// Nobody is there.
    pub async fn connect(address: &str) -> Self {
        Self::over(endpoint(address).connect().await.unwrap())
    }

    /// Connects when it is first used, and again after each loss.
    #[must_use]
    pub fn lazy(address: &str) -> Self {
        Self::over(endpoint(address).connect_lazy())
    }

    fn over(channel: Channel) -> Self {
        Self {
            publisher: PublisherClient::new(channel.clone()),
            subscriber: SubscriberClient::new(channel),
        }
    }

    /// A topic that was not there before.
    pub async fn topic(&mut self) -> String {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("projects/bench/topics/topic-{number}");
        let topic = Topic {
            name: name.clone(),
            ..Topic::default()
        };
        self.publisher.create_topic(topic).await.unwrap();
        name
    }

    /// A subscription that was not there before.
    pub async fn subscription(&mut self, topic: &str, with: Subscription) -> String {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("projects/bench/subscriptions/subscription-{number}");
        let subscription = Subscription {
            name: name.clone(),
            topic: topic.to_owned(),
            ..with
        };
        let created = self.subscriber.create_subscription(subscription).await;
        created.unwrap();
        name
    }

    /// Publishes messages in one request, and waits for the answer.
    pub async fn publish(&mut self, topic: &str, messages: Vec<PubsubMessage>) {
        let request = PublishRequest {
            topic: topic.to_owned(),
            messages,
        };
        self.publisher.publish(request).await.unwrap();
    }

    /// Removes what a measurement has made.
    pub async fn clear(&mut self, topic: &str, subscriptions: &[String]) {
        for name in subscriptions {
            let subscription = name.clone();
            let request = proto::DeleteSubscriptionRequest { subscription };
            self.subscriber.delete_subscription(request).await.unwrap();
        }
        let topic = topic.to_owned();
        let request = proto::DeleteTopicRequest { topic };
        self.publisher.delete_topic(request).await.unwrap();
    }
}

fn endpoint(address: &str) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).unwrap()
}
