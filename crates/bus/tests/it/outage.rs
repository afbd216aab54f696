//! The server dies, and comes back or does not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use farm_bus::{Receiver, SubscriptionSpec};
use farm_model::event::{Event, Topic};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::harness::{PATIENCE, SOME, Server, all_come, bus, event, events, next};
use crate::process::{Process, free_address};

fn worker() -> SubscriptionSpec {
    SubscriptionSpec::new("worker", Topic::Progress)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_published_is_missing_after_kill_9_and_nobody_is_started_anew() {
    let (address, data) = (free_address().await, tempfile::tempdir().unwrap());
    let mut server = Process::start(address, data.path());
    let bus = bus(&format!("http://{address}"));
    bus.ensure(&[worker()]).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    for round in 0..3 {
        let published = batch(round, 300);
        let publishing = async {
            for event in &published {
                bus.publish(Topic::Progress, event).await.unwrap();
            }
        };
        let killing = async {
            // In the middle of the traffic: some have come, and most have not.
            let mut missing: BTreeSet<_> = published.iter().map(|event| event.id.clone()).collect();
            come(&mut receiver, &mut missing, 250).await;
            server.kill();
            let restarted = Process::start(address, data.path());
            come(&mut receiver, &mut missing, 0).await;
            restarted
        };
        ((), server) = tokio::join!(publishing, killing);
    }
}

/// Acknowledges what comes until no more than `left` are missing.
async fn come(receiver: &mut Receiver, missing: &mut BTreeSet<String>, left: usize) {
    while missing.len() > left {
        let delivery = next(receiver).await;
        missing.remove(&delivery.event.id);
        delivery.ack();
    }
}

fn batch(round: usize, count: usize) -> Vec<Event> {
    let named = |n| event(&format!("r{round}-{n}"));
    (0..count).map(named).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_is_back_within_seconds_of_a_long_outage() {
    let (address, data) = (free_address().await, tempfile::tempdir().unwrap());
    let server = Process::start(address, data.path());
    let bus = bus(&format!("http://{address}"));
    bus.ensure(&[worker()]).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    bus.publish(Topic::Progress, &event("before"))
        .await
        .unwrap();
    next(&mut receiver).await.ack();
    server.kill();
    // Long enough for pauses that double without bound to have grown past the limit below.
    let nothing = timeout(Duration::from_secs(8), receiver.next()).await;
    assert!(nothing.is_err());
    let _server = Process::start(address, data.path());
    bus.publish(Topic::Progress, &event("after")).await.unwrap();
    let back = Instant::now();
    all_come(&mut receiver, ["after".to_owned()]).await;
    assert!(
        back.elapsed() < Duration::from_secs(5),
        "{:?}",
        back.elapsed()
    );
}

#[tokio::test]
async fn a_receiver_waits_for_a_server_and_a_subscription_that_are_not_there_yet() {
    let address = free_address().await;
    let bus = bus(&format!("http://{address}"));
    let mut receiver = bus.receive("worker", SOME);
    assert!(
        timeout(Duration::from_millis(300), receiver.next())
            .await
            .is_err()
    );
    let _server = Server::on(TcpListener::bind(address).await.unwrap()).await;
    assert!(
        timeout(Duration::from_millis(300), receiver.next())
            .await
            .is_err()
    );
    bus.ensure(&[worker()]).await.unwrap();
    bus.publish_all(Topic::Progress, &events(3)).await.unwrap();
    all_come(&mut receiver, events(3).into_iter().map(|event| event.id)).await;
}

#[tokio::test]
async fn a_receiver_without_a_server_closes_at_once() {
    let address = free_address().await;
    let mut receiver = bus(&format!("http://{address}")).receive("worker", SOME);
    timeout(PATIENCE, receiver.close()).await.unwrap();
    assert!(receiver.next().await.is_none());
}

#[tokio::test]
async fn publishing_to_a_topic_that_is_not_there_may_be_tried_again() {
    let server = Server::start().await;
    let bus = server.bus();
    let error = bus.publish(Topic::Progress, &event("e")).await.unwrap_err();
    assert!(error.is_again(), "an operator can mend it: {error}");
    bus.ensure(&[worker()]).await.unwrap();
    bus.publish(Topic::Progress, &event("e")).await.unwrap();
}
