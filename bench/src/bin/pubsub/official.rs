//! The official Rust client, with its own batching, flow control and leases: what its users see.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bench::pubsub::{Server, Wire};
use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_pubsub::client::{Publisher, Subscriber};
use google_cloud_pubsub::model::Message;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::Subscription;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::meter::{Count, Rate, rate};

/// Messages under way.
const WINDOW: usize = 10_000;

/// The client looks for a process-wide TLS provider, even for plain text.
pub fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

/// Deliveries a second to one stream, from one publisher, each handled by an acknowledgement.
pub async fn delivered(server: &Server, length: Duration) -> Rate {
    let mut wire = Wire::connect(&server.address).await;
    let topic = wire.topic().await;
    let subscription = wire.subscription(&topic, Subscription::default()).await;
    let url = format!("http://{}", server.address);
    let count = Count::default();
    let window = Arc::new(Semaphore::new(WINDOW));
    let mut tasks = JoinSet::new();
    tasks.spawn(receive(
        url.clone(),
        subscription.clone(),
        count.clone(),
        window.clone(),
    ));
    tasks.spawn(publish(url, topic.clone(), window));
    let rate = rate(server, tasks, &count, length).await;
    wire.clear(&topic, &[subscription]).await;
    rate
}

async fn receive(url: String, subscription: String, count: Count, window: Arc<Semaphore>) {
    let builder = Subscriber::builder().with_endpoint(&url);
    let subscriber = builder.with_credentials(nobody()).build().await.unwrap();
    let mut stream = subscriber.subscribe(&subscription).build();
    while let Some(next) = stream.next().await {
        let (_, handler) = next.unwrap();
        handler.ack();
        count.fetch_add(1, Ordering::Relaxed);
        window.add_permits(1);
    }
}

async fn publish(url: String, topic: String, window: Arc<Semaphore>) {
    let builder = Publisher::builder(&topic).with_endpoint(&url);
    let publisher = builder.with_credentials(nobody()).build().await.unwrap();
    let data = bench::pubsub::wire::message().data;
    let mut answers = VecDeque::new();
    loop {
        window.acquire().await.unwrap().forget();
        answers.push_back(publisher.publish(Message::new().set_data(data.clone())));
        if answers.len() > WINDOW {
            answers.pop_front().unwrap().await.unwrap();
        }
    }
}
