//! How fast messages go from publishers to subscribers, acknowledgements included.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bench::pubsub::Server;
use bench::pubsub::wire::{Wire, message};
use futures::StreamExt;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use proto::{AcknowledgeRequest, PullRequest, ReceivedMessage, StreamingPullRequest, Subscription};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use crate::meter::{Count, Rate, rate};

/// Deliveries that may be under way: enough to keep all busy, too few to become a backlog.
const WINDOW: usize = 20_000;
const PUBLISHERS: usize = 4;
const BATCH: usize = 100;

#[derive(Clone, Copy)]
pub enum Way {
    Streaming,
    Pull,
}

/// Who receives.
#[derive(Clone, Copy)]
pub struct Shape {
    pub way: Way,
    pub subscriptions: usize,
    /// Of each subscription, each with a connection of its own.
    pub subscribers: usize,
}

#[derive(Clone)]
struct Received {
    count: Count,
    /// Publishers take one for each delivery that their messages will lead to.
    window: Arc<Semaphore>,
}

impl Received {
    fn note(&self, messages: usize) {
        self.count.fetch_add(messages as u64, Ordering::Relaxed);
        self.window.add_permits(messages);
    }
}

/// Deliveries a second, while publishers keep up.
pub async fn delivered(server: &Server, shape: Shape, length: Duration) -> Rate {
    let mut wire = Wire::connect(&server.address).await;
    let topic = wire.topic().await;
    let window = WINDOW.max(2 * PUBLISHERS * BATCH * shape.subscriptions);
    let received = Received {
        count: Count::default(),
        window: Arc::new(Semaphore::new(window)),
    };
    let (mut tasks, mut subscriptions) = (JoinSet::new(), Vec::new());
    for _ in 0..shape.subscriptions {
        let with = Subscription {
            ack_deadline_seconds: 60,
            ..Subscription::default()
        };
        let name = wire.subscription(&topic, with).await;
        for _ in 0..shape.subscribers {
            let own = Wire::connect(&server.address).await;
            let (name, received) = (name.clone(), received.clone());
            match shape.way {
                Way::Streaming => tasks.spawn(stream(own, name, received)),
                Way::Pull => tasks.spawn(pull(own, name, received)),
            };
        }
        subscriptions.push(name);
    }
    // Its calls are cut off at the end, and a server may close a connection on which many are.
    let publishers = Wire::connect(&server.address).await;
    for _ in 0..PUBLISHERS {
        let each = u32::try_from(BATCH * shape.subscriptions).unwrap();
        tasks.spawn(publish(
            publishers.clone(),
            topic.clone(),
            each,
            received.clone(),
        ));
    }
    let rate = rate(server, tasks, &received.count, length).await;
    wire.clear(&topic, &subscriptions).await;
    rate
}

async fn publish(mut wire: Wire, topic: String, deliveries: u32, received: Received) {
    let messages = vec![message(); BATCH];
    loop {
        let room = received.window.acquire_many(deliveries).await.unwrap();
        room.forget();
        wire.publish(&topic, messages.clone()).await;
    }
}

fn ack_ids(messages: Vec<ReceivedMessage>) -> Vec<String> {
    messages.into_iter().map(|message| message.ack_id).collect()
}

/// Opens a stream; what goes into the sender goes out on it.
pub async fn open(
    wire: &mut Wire,
    subscription: &str,
) -> (
    mpsc::Sender<StreamingPullRequest>,
    tonic::Streaming<proto::StreamingPullResponse>,
) {
    let (requests, outgoing) = mpsc::channel(64);
    let first = StreamingPullRequest {
        subscription: subscription.to_owned(),
        stream_ack_deadline_seconds: 60,
        max_outstanding_messages: 10_000,
        ..StreamingPullRequest::default()
    };
    requests.send(first).await.unwrap();
    let outgoing = ReceiverStream::new(outgoing);
    let answer = wire.subscriber.streaming_pull(outgoing).await.unwrap();
    (requests, answer.into_inner())
}

async fn stream(mut wire: Wire, subscription: String, received: Received) {
    let (requests, mut responses) = open(&mut wire, &subscription).await;
    while let Some(response) = responses.next().await {
        let messages = response.unwrap().received_messages;
        received.note(messages.len());
        let request = StreamingPullRequest {
            ack_ids: ack_ids(messages),
            ..StreamingPullRequest::default()
        };
        requests.send(request).await.unwrap();
    }
}

/// The acknowledgement of one pull goes out beside the next pull.
async fn pull(wire: Wire, subscription: String, received: Received) {
    let mut pulled = Vec::new();
    loop {
        let (mut puller, mut acker) = (wire.subscriber.clone(), wire.subscriber.clone());
        let acks = AcknowledgeRequest {
            subscription: subscription.clone(),
            ack_ids: std::mem::take(&mut pulled),
        };
        let acknowledged = async {
            if !acks.ack_ids.is_empty() {
                acker.acknowledge(acks).await.unwrap();
            }
        };
        let request = PullRequest {
            subscription: subscription.clone(),
            max_messages: 1000,
            ..PullRequest::default()
        };
        let (answer, ()) = tokio::join!(puller.pull(request), acknowledged);
        let messages = answer.unwrap().into_inner().received_messages;
        received.note(messages.len());
        pulled = ack_ids(messages);
    }
}
