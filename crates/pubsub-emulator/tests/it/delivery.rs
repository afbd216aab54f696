//! Publishing and receiving through the official clients.

use std::collections::HashSet;
use std::time::Duration;

use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::client::Publisher;
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::{DeadLetterPolicy, Message, RetryPolicy, Subscription};
use google_cloud_pubsub::subscriber::handler::Handler;

use crate::harness::{SUB, Server, TOPIC, next, publish, publish_messages, texts};

fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| n.to_string())
}

fn text(message: &Message) -> String {
    String::from_utf8(message.data.to_vec()).unwrap()
}

fn ordered(n: usize, key: &str) -> Message {
    Message::new().set_data(n.to_string()).set_ordering_key(key)
}

#[tokio::test]
async fn a_thousand_messages_arrive_once_each() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    let ids = publish(&publisher, numbers(0..1000)).await;
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1000);
    let mut stream = server.stream(SUB).await;
    let received: HashSet<_> = texts(&mut stream, 1000).await.into_iter().collect();
    assert_eq!(received.len(), 1000);
    server.stop().await;
}

#[tokio::test]
async fn a_nacked_message_comes_again_and_an_acked_one_does_not() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["once".to_owned(), "twice".to_owned()]).await;
    let mut stream = server.stream(SUB).await;
    for _ in 0..2 {
        let (message, handler) = next(&mut stream).await;
        assert!(message.publish_time.is_some());
        match text(&message).as_str() {
            "once" => handler.ack(),
            _ => handler.nack(),
        }
    }
    let (message, handler) = next(&mut stream).await;
    assert_eq!(text(&message), "twice");
    handler.ack();
    publish(&publisher, ["end".to_owned()]).await;
    assert_eq!(texts(&mut stream, 1).await, ["end"]);
    server.stop().await;
}

#[tokio::test]
async fn an_expired_lease_is_delivered_again() {
    let (server, clock) = Server::with_clock().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["job".to_owned()]).await;
    assert_eq!(server.pull(SUB).await.len(), 1);
    clock.advance(Duration::from_millis(9_900));
    assert!(server.pull(SUB).await.is_empty());
    clock.advance(Duration::from_millis(100));
    assert_eq!(server.pull_some(SUB).await[0].1, "job");
    server.stop().await;
}

#[tokio::test]
async fn a_modified_deadline_counts_from_now_and_zero_gives_back() {
    let (server, clock) = Server::with_clock().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["job".to_owned()]).await;
    let pulled = server.pull(SUB).await;
    let deadline = |seconds: i32| serde_json::json!({ "ackIds": [pulled[0].0], "ackDeadlineSeconds": seconds });
    server
        .post(&format!("{SUB}:modifyAckDeadline"), deadline(60))
        .await;
    clock.advance(Duration::from_secs(59));
    assert!(server.pull(SUB).await.is_empty());
    server
        .post(&format!("{SUB}:modifyAckDeadline"), deadline(0))
        .await;
    assert_eq!(server.pull_some(SUB).await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn back_off_holds_a_nacked_message_back() {
    let (server, clock) = Server::with_clock().await;
    server
        .set_up(Subscription::new().set_retry_policy(RetryPolicy::new()))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["job".to_owned()]).await;
    let pulled = server.pull(SUB).await;
    let nack = serde_json::json!({ "ackIds": [pulled[0].0], "ackDeadlineSeconds": 0 });
    server.post(&format!("{SUB}:modifyAckDeadline"), nack).await;
    clock.advance(Duration::from_millis(9_900));
    assert!(server.pull(SUB).await.is_empty());
    clock.advance(Duration::from_millis(100));
    assert_eq!(server.pull_some(SUB).await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn messages_older_than_the_retention_are_gone() {
    let (server, clock) = Server::with_clock().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["old".to_owned()]).await;
    clock.advance(Duration::from_secs(7 * 24 * 3600));
    publish(&publisher, ["new".to_owned()]).await;
    let mut stream = server.stream(SUB).await;
    assert_eq!(texts(&mut stream, 1).await, ["new"]);
    server.stop().await;
}

#[tokio::test]
async fn a_filter_lets_only_its_messages_through() {
    let server = Server::memory().await;
    server
        .set_up(
            Subscription::new()
                .set_filter("hasPrefix(attributes.kind, \"a\") AND NOT attributes:skip"),
        )
        .await;
    let publisher = server.publisher(TOPIC).await;
    let message = |kind: &str| {
        Message::new()
            .set_data(kind.to_owned())
            .set_attributes([("kind", kind)])
    };
    let skipped = Message::new()
        .set_data("skipped")
        .set_attributes([("kind", "a"), ("skip", "")]);
    let all = [
        message("b"),
        skipped,
        Message::new().set_data("bare"),
        message("ab"),
    ];
    publish_messages(&publisher, all).await;
    let mut stream = server.stream(SUB).await;
    assert_eq!(texts(&mut stream, 1).await, ["ab"]);
    publish_messages(&publisher, [message("az")]).await;
    assert_eq!(texts(&mut stream, 1).await, ["az"]);
    server.stop().await;
}

#[tokio::test]
async fn order_is_kept_over_a_nack() {
    let server = Server::memory().await;
    server
        .set_up(Subscription::new().set_enable_message_ordering(true))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(&publisher, (0..20).map(|n| ordered(n, "key"))).await;
    let mut stream = server.stream(SUB).await;
    let mut held = Vec::new();
    for n in 0..20 {
        let (message, handler) = next(&mut stream).await;
        assert_eq!(text(&message), n.to_string());
        match n {
            0..4 => handler.ack(),
            4 => handler.nack(),
            _ => held.push(handler),
        }
    }
    // The consumer still has 5 to 19, but they must come again after 4.
    let again = texts(&mut stream, 16).await;
    assert_eq!(again, numbers(4..20).collect::<Vec<_>>());
    drop(held);
    server.stop().await;
}

async fn receive_until_dead(server: &Server) -> Vec<i32> {
    let mut stream = server.stream(SUB).await;
    let mut attempts = Vec::new();
    while attempts.len() < 5 {
        let (_, handler) = next(&mut stream).await;
        let Handler::AtLeastOnce(handler) = handler else {
            panic!("at least once was asked for")
        };
        attempts.push(handler.delivery_attempt().unwrap());
        handler.nack();
    }
    attempts
}

#[tokio::test]
async fn a_message_is_dead_lettered_after_exactly_five_attempts() {
    let server = Server::memory().await;
    let (dead, letters) = (
        "projects/test/topics/dead",
        "projects/test/subscriptions/letters",
    );
    let policy = DeadLetterPolicy::new()
        .set_dead_letter_topic(dead)
        .set_max_delivery_attempts(5);
    server
        .set_up(Subscription::new().set_dead_letter_policy(policy))
        .await;
    server
        .subscribe(Subscription::new().set_name(letters).set_topic(dead))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(
        &publisher,
        [Message::new()
            .set_data("poison")
            .set_attributes([("a", "b")])],
    )
    .await;
    assert_eq!(receive_until_dead(&server).await, [1, 2, 3, 4, 5]);
    let mut stream = server.stream(letters).await;
    let (letter, handler) = next(&mut stream).await;
    handler.ack();
    assert_eq!(text(&letter), "poison");
    for (name, value) in [
        ("a", "b"),
        ("CloudPubSubDeadLetterSourceDeliveryCount", "5"),
        ("CloudPubSubDeadLetterSourceSubscription", "worker"),
        ("CloudPubSubDeadLetterSourceSubscriptionProject", "test"),
    ] {
        assert_eq!(letter.attributes[name], value);
    }
    assert!(
        letter
            .attributes
            .contains_key("CloudPubSubDeadLetterSourceTopicPublishTime")
    );
    assert!(server.pull(SUB).await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn closing_a_stream_puts_its_leases_back_at_once() {
    // The clock stands still, so no lease can expire: only the closing can bring the messages back.
    let (server, _clock) = Server::with_clock().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, numbers(0..100)).await;
    let mut first = server.stream(SUB).await;
    let (_, held) = next(&mut first).await;
    assert!(server.pull(SUB).await.is_empty(), "the stream has them all");
    drop(first);
    let mut second = server.stream(SUB).await;
    let again: HashSet<_> = texts(&mut second, 100).await.into_iter().collect();
    assert_eq!(again.len(), 100);
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_holds_no_more_than_its_flow_control_allows() {
    let (server, _clock) = Server::with_clock().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, numbers(0..10)).await;
    let subscriber = server.subscriber().await;
    let mut stream = subscriber
        .subscribe(SUB)
        .set_max_outstanding_messages(3)
        .build();
    let (_, _held) = next(&mut stream).await;
    assert_eq!(
        server.pull(SUB).await.len(),
        7,
        "the rest is there for others"
    );
    server.stop().await;
}

async fn refused(publisher: &Publisher, message: Message) -> Code {
    let answer = publisher.publish(message);
    publisher.flush().await;
    match answer.await.unwrap_err() {
        PublishError::Rpc(error) => error.status().unwrap().code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_publish_that_breaks_the_rules_is_refused() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let nowhere = server.publisher("projects/test/topics/nowhere").await;
    assert_eq!(
        refused(&nowhere, Message::new().set_data("x")).await,
        Code::NotFound
    );
    let (status, answer) = server
        .post(
            &format!("{TOPIC}:publish"),
            serde_json::json!({ "messages": [{}] }),
        )
        .await;
    assert_eq!(
        (status, answer["error"]["status"].as_str()),
        (400, Some("INVALID_ARGUMENT"))
    );
    let goog = Message::new()
        .set_data("x")
        .set_attributes([("googclient", "x")]);
    let publisher = server.publisher(TOPIC).await;
    assert_eq!(refused(&publisher, goog).await, Code::InvalidArgument);
    let large = server.publisher(TOPIC).await;
    let large_message = Message::new().set_data(vec![0; 10_000_001]);
    assert_eq!(refused(&large, large_message).await, Code::InvalidArgument);
    server.stop().await;
}

#[tokio::test]
async fn serving_ends_promptly_with_streams_open() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, numbers(0..1)).await;
    let mut stream = server.stream(SUB).await;
    let (_, _held) = next(&mut stream).await;
    let started = std::time::Instant::now();
    server.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}
