//! Looking into an emulator that serves.

use farm_pubsub_emulator::{Inspector, MessageView, Seen};
use google_cloud_pubsub::model::{DeadLetterPolicy, Message, Subscription};

use crate::harness::{PATIENCE, SUB, Server, TOPIC, publish, publish_messages};

const DEAD: &str = "projects/test/topics/dead";
const LETTERS: &str = "projects/test/subscriptions/letters";

/// The usual subscription with a place for its dead letters.
async fn with_graveyard() -> Server {
    let server = Server::memory().await;
    let policy = DeadLetterPolicy::new()
        .set_dead_letter_topic(DEAD)
        .set_max_delivery_attempts(5);
    let subscription = Subscription::new().set_dead_letter_policy(policy);
    server.set_up(subscription).await;
    let letters = Subscription::new().set_name(LETTERS).set_topic(DEAD);
    server.subscribe(letters).await;
    server
}

/// Fails the one message of the subscription until it is a dead letter.
async fn kill(server: &Server) {
    for _ in 0..5 {
        let pulled = server.pull_some(SUB).await;
        let nack = serde_json::json!({ "ackIds": [pulled[0].0], "ackDeadlineSeconds": 0 });
        server.post(&format!("{SUB}:modifyAckDeadline"), nack).await;
    }
}

async fn only(inspector: &Inspector, subscription: &str) -> MessageView {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let waiting = inspector.waiting(subscription, 10).await.unwrap();
        if let [one] = &waiting[..] {
            return one.message.clone();
        }
        assert!(tokio::time::Instant::now() < end, "{waiting:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn looking_at_messages_does_not_take_them() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    let mut watch = server.inspector.watch();
    let ids = publish(&publisher, ["one", "two", "three"].map(str::to_owned)).await;
    let waiting = server.inspector.waiting(SUB, 2).await.unwrap();
    let seen: Vec<_> = waiting
        .iter()
        .map(|one| (&*one.message.data, one.failures))
        .collect();
    assert_eq!(seen, [(&b"one"[..], 0), (b"two", 0)]);
    assert_eq!(waiting[0].message.id, ids[0]);
    assert_eq!(server.pull(SUB).await.len(), 3);
    let Some(Seen::Published(topic, message)) = watch.next().await else {
        panic!("nothing was seen")
    };
    assert_eq!((&*topic, &*message.data), (TOPIC, &b"one"[..]));
    let error = server
        .inspector
        .waiting("projects/test/subscriptions/none", 1)
        .await;
    assert!(error.unwrap_err().to_string().contains("not found"));
    server.stop().await;
    // What was published before the end is still seen.
    while watch.next().await.is_some() {}
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_by_how_much() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    let mut watch = server.inspector.watch();
    publish(&publisher, (0..300).map(|n| n.to_string())).await;
    let Some(Seen::Missed(missed)) = watch.next().await else {
        panic!("300 messages were kept")
    };
    let Some(Seen::Published(_, next)) = watch.next().await else {
        panic!("nothing was seen")
    };
    assert_eq!(next.data, missed.to_string());
    server.stop().await;
}

#[tokio::test]
async fn a_dead_letter_that_is_redelivered_is_an_ordinary_message_again() {
    let server = with_graveyard().await;
    let publisher = server.publisher(TOPIC).await;
    let attributes = [("kind", "job"), ("why", "unreadable")];
    let message = Message::new().set_data("work").set_attributes(attributes);
    publish_messages(&publisher, [message]).await;
    kill(&server).await;
    let inspector = &server.inspector;
    let letter = only(inspector, LETTERS).await;
    assert!(
        letter
            .attributes
            .contains_key("CloudPubSubDeadLetterSourceDeliveryCount")
    );
    let dead = inspector
        .topics()
        .into_iter()
        .find(|topic| topic.name == DEAD);
    assert_eq!(dead.unwrap().dead_letters_of, [SUB]);
    let settings = inspector.settings().into_iter().find(|one| one.name == SUB);
    assert_eq!(settings.unwrap().dead_letter_topic.as_deref(), Some(DEAD));

    // A consumer that has it at the moment does not keep it from being sent back.
    let held = server.pull_some(LETTERS).await;
    let topic = inspector.redeliver(LETTERS, &letter.id, &["why"]).await;
    assert_eq!(topic.unwrap(), TOPIC);
    let again = only(inspector, SUB).await;
    let kept: Vec<_> = again.attributes.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!((kept, &*again.data), (vec![("kind", "job")], &b"work"[..]));
    assert!(inspector.waiting(LETTERS, 1).await.unwrap().is_empty());
    let ack = serde_json::json!({ "ackIds": [held[0].0] });
    assert_eq!(
        server.post(&format!("{LETTERS}:acknowledge"), ack).await.0,
        200
    );
    let error = inspector.redeliver(LETTERS, &letter.id, &[]).await;
    assert!(error.unwrap_err().to_string().contains("no message"));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_dead_letter_cannot_be_sent_back() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    let ids = publish(&publisher, ["one".to_owned()]).await;
    let error = server
        .inspector
        .redeliver(SUB, &ids[0], &[])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no dead letter"), "{error}");
    assert_eq!(server.pull(SUB).await.len(), 1);
    server.stop().await;
}
