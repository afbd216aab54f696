//! How fast messages are taken.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bench::pubsub::Server;
use bench::pubsub::wire::{Wire, message};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::Subscription;
use tokio::task::JoinSet;

use crate::meter::{Count, Rate, rate};

/// Publishers of batches of 100, each with one request under way.
pub const BATCHES: Load = Load {
    publishers: 8,
    batch: 100,
};
/// Publishers of one message a request.
pub const SINGLES: Load = Load {
    publishers: 64,
    batch: 1,
};

#[derive(Clone, Copy)]
pub struct Load {
    pub publishers: usize,
    pub batch: usize,
}

/// Messages a second, answered; one subscription keeps them.
pub async fn published(server: &Server, load: Load, length: Duration) -> Rate {
    let mut wire = Wire::connect(&server.address).await;
    let topic = wire.topic().await;
    let subscription = wire.subscription(&topic, Subscription::default()).await;
    let count = Count::default();
    // Its calls are cut off at the end, and a server may close a connection on which many are.
    let publishers = Wire::connect(&server.address).await;
    let mut tasks = JoinSet::new();
    for _ in 0..load.publishers {
        tasks.spawn(publish(
            publishers.clone(),
            topic.clone(),
            load.batch,
            count.clone(),
        ));
    }
    let rate = rate(server, tasks, &count, length).await;
    wire.clear(&topic, &[subscription]).await;
    rate
}

async fn publish(mut wire: Wire, topic: String, batch: usize, count: Count) {
    let messages = vec![message(); batch];
    loop {
        wire.publish(&topic, messages.clone()).await;
        count.fetch_add(batch as u64, Ordering::Relaxed);
    }
}

/// Megabytes of a process.
pub struct Memory {
    /// Proportional set size.
    pub pss: f64,
    pub rss: f64,
}

impl Memory {
    pub fn of(server: &Server) -> Self {
        let megabytes = |figure| bench::machine::memory(server.pid(), figure) as f64 * 1024.0 / 1e6;
        Self {
            pss: megabytes("Pss"),
            rss: megabytes("Rss"),
        }
    }
}

/// Memory of a fresh emulator under a backlog of so many MB in messages of 1 KiB, with one subscription.
pub async fn backlog(server: &Server, megabytes: u64) -> Memory {
    let mut wire = Wire::connect(&server.address).await;
    let topic = wire.topic().await;
    wire.subscription(&topic, Subscription::default()).await;
    let batches = megabytes * 1_000_000 / (bench::pubsub::wire::MESSAGE_BYTES * 100) as u64;
    let mut tasks = JoinSet::new();
    for publisher in 0..BATCHES.publishers as u64 {
        let (mut wire, topic) = (wire.clone(), topic.clone());
        let share = (batches + publisher) / BATCHES.publishers as u64;
        tasks.spawn(async move {
            let messages = vec![message(); 100];
            for _ in 0..share {
                wire.publish(&topic, messages.clone()).await;
            }
        });
    }
    tasks.join_all().await;
    // What was freed goes back to the system within a moment, or not at all.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Memory::of(server)
}
