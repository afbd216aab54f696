//! What outlives the emulator.

use std::collections::HashSet;

use farm_pubsub_emulator::{Emulator, OpenError, Options};
use google_cloud_pubsub::model::{DeadLetterPolicy, Message, Subscription};

use crate::harness::{SUB, Server, TOPIC, publish, publish_messages, texts, until};

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn a_thousand_messages_outlive_an_emulator_that_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, numbers(0..1000)).await;
    server.drop_abruptly().await;

    let server = Server::start(Options::durable(folder.path())).await;
    let mut stream = server.stream(SUB).await;
    let received: HashSet<_> = texts(&mut stream, 1000).await.into_iter().collect();
    assert_eq!(received.len(), 1000);
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_before_a_stop_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, numbers(0..10)).await;
    let pulled = server.pull(SUB).await;
    let acks: Vec<_> = pulled[..7].iter().map(|(id, ..)| id.clone()).collect();
    server
        .post(
            &format!("{SUB}:acknowledge"),
            serde_json::json!({ "ackIds": acks }),
        )
        .await;
    server.stop().await;

    let server = Server::start(Options::durable(folder.path())).await;
    let again: Vec<_> = server
        .pull(SUB)
        .await
        .into_iter()
        .map(|(_, text, _)| text)
        .collect();
    assert_eq!(again, numbers(7..10));
    server.stop().await;
}

#[tokio::test]
async fn order_attempts_and_filters_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    let policy = DeadLetterPolicy::new().set_dead_letter_topic(TOPIC);
    let config = Subscription::new()
        .set_enable_message_ordering(true)
        .set_filter("NOT attributes:skip")
        .set_dead_letter_policy(policy);
    server.set_up(config).await;
    let publisher = server.publisher(TOPIC).await;
    let message = |n: usize| Message::new().set_data(n.to_string()).set_ordering_key("k");
    let skipped = message(99).set_attributes([("skip", "")]);
    publish_messages(&publisher, (0..3).map(message).chain([skipped])).await;
    let pulled = server.pull(SUB).await;
    let nack = serde_json::json!({ "ackIds": [pulled[0].0], "ackDeadlineSeconds": 0 });
    server.post(&format!("{SUB}:modifyAckDeadline"), nack).await;
    server.stop().await;

    let server = Server::start(Options::durable(folder.path())).await;
    let again: Vec<_> = server
        .pull(SUB)
        .await
        .into_iter()
        .map(|(_, text, n)| (text, n))
        .collect();
    assert_eq!(
        again,
        [
            ("0".to_owned(), 2),
            ("1".to_owned(), 1),
            ("2".to_owned(), 1)
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn a_backlog_larger_than_the_memory_is_delivered_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        memory_bytes: 10_000,
        ..Options::durable(folder.path())
    };
    let server = Server::start(options()).await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    let big = |n: usize| format!("{n}-{}", "x".repeat(1000));
    publish(&publisher, (0..200).map(big)).await;
    let mut stream = server.stream(SUB).await;
    let first: HashSet<_> = texts(&mut stream, 100).await.into_iter().collect();
    assert_eq!(first.len(), 100);
    drop(stream);
    server.drop_abruptly().await;

    let server = Server::start(options()).await;
    let mut stream = server.stream(SUB).await;
    let mut all = first;
    while all.len() < 200 {
        all.extend(texts(&mut stream, 1).await);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_log_stays_small_behind_one_message_that_nobody_takes() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        segment_bytes: 32 * 1024,
        ..Options::durable(folder.path())
    };
    let server = Server::start(options()).await;
    server.set_up(Subscription::new()).await;
    let stuck = "projects/test/subscriptions/stuck";
    server
        .subscribe(
            Subscription::new()
                .set_name(stuck)
                .set_topic(TOPIC)
                .set_filter("attributes:stuck"),
        )
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(
        &publisher,
        [Message::new()
            .set_data("stuck")
            .set_attributes([("stuck", "")])],
    )
    .await;
    for _ in 0..10 {
        publish(
            &publisher,
            (0..100).map(|n| format!("{n}-{}", "x".repeat(1000))),
        )
        .await;
        let acks: Vec<_> = server
            .pull(SUB)
            .await
            .into_iter()
            .map(|(id, ..)| id)
            .collect();
        let acks = serde_json::json!({ "ackIds": acks });
        server.post(&format!("{SUB}:acknowledge"), acks).await;
    }
    server.stop().await;

    let emulator = Emulator::open(options()).await.unwrap();
    let small = |stats: &farm_pubsub_emulator::Stats| stats.disk_bytes < 200_000;
    let stats = until(&emulator, small).await;
    assert_eq!(stats.subscription(stuck).unwrap().backlog, 1);
    assert_eq!(stats.topics, 1);
    drop(emulator);
    let server = Server::start(options()).await;
    assert_eq!(server.pull(stuck).await[0].1, "stuck");
    server.stop().await;
}

#[tokio::test]
async fn a_folder_in_use_and_a_folder_that_cannot_be_are_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = Emulator::open(Options::durable(folder.path()))
        .await
        .unwrap();
    let error = Emulator::open(Options::durable(folder.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    Emulator::open(Options::durable(folder.path()))
        .await
        .unwrap();
    let error = Emulator::open(Options::durable("/proc/nowhere"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
}
