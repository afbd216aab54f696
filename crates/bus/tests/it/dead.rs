//! What nobody can use is kept.

use std::collections::HashMap;

use farm_bus::{DeadLetter, Sentence, SubscriptionSpec};
use farm_model::event::Topic;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::{Publisher, Subscriber};
use google_cloud_pubsub::model::Message;
use tokio::time::timeout;

use crate::harness::{PATIENCE, SOME, Server, event, next};

/// The next dead letter as it lies there: attributes and data.
async fn dead_letter(server: &Server, subscription: &str) -> (HashMap<String, String>, String) {
    let builder = Subscriber::builder().with_endpoint(&server.endpoint);
    let subscriber = builder
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    let mut stream = subscriber
        .subscribe(format!("projects/test/subscriptions/{subscription}"))
        .build();
    let next = timeout(PATIENCE, stream.next())
        .await
        .expect("no dead letter")
        .unwrap();
    let (message, handler) = next.unwrap();
    handler.ack();
    let text = String::from_utf8(message.data.to_vec()).unwrap();
    (message.attributes, text)
}

async fn publish_raw(server: &Server, message: Message) {
    let builder =
        Publisher::builder("projects/test/topics/commands").with_endpoint(&server.endpoint);
    let publisher = builder
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    publisher.publish(message).await.unwrap();
}

#[tokio::test]
async fn what_is_rejected_lies_in_the_dead_letters_with_the_reason() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    bus.publish(Topic::Commands, &event("bad")).await.unwrap();
    bus.publish(Topic::Commands, &event("good")).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    next(&mut receiver).await.reject("no such builder").await;
    assert_eq!(next(&mut receiver).await.event.id, "good");
    let (attributes, data) = dead_letter(&server, "dead-strict").await;
    assert_eq!(attributes["farm-dead-reason"], "no such builder");
    assert_eq!(attributes["farm-dead-from"], "strict");
    assert_eq!(attributes["ce-id"], "bad");
    assert_eq!(data, "{\"a\":1}");
}

#[tokio::test]
async fn a_dead_letter_can_be_received_as_the_event_that_it_was() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    bus.publish(Topic::Commands, &event("bad")).await.unwrap();
    next(&mut bus.receive("strict", SOME))
        .await
        .reject("")
        .await;
    assert_eq!(
        next(&mut bus.receive("dead-strict", SOME)).await.event,
        event("bad")
    );
}

#[tokio::test]
async fn dead_letters_are_looked_at_and_stay() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    assert_eq!(bus.dead_letters("strict", 10).await.unwrap(), []);
    bus.publish(Topic::Commands, &event("bad")).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    next(&mut receiver).await.reject("no such builder").await;
    for _ in 0..2 {
        let found = bus.dead_letters("strict", 10).await.unwrap();
        let reasons: Vec<_> = found.iter().map(|letter| letter.reason.as_str()).collect();
        assert_eq!(reasons, ["no such builder"]);
    }
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_or_dropped_and_the_others_stay() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    let mut receiver = bus.receive("strict", SOME);
    for name in ["keep", "again", "drop"] {
        bus.publish(Topic::Commands, &event(name)).await.unwrap();
        next(&mut receiver).await.reject("not yet").await;
    }
    let judge = |letter: &DeadLetter| match letter.event.as_ref().unwrap().id.as_str() {
        "again" => Sentence::Redeliver(Topic::Commands),
        "drop" => Sentence::Drop,
        _ => Sentence::Stay,
    };
    let settled = bus.settle_dead("strict", 10, &judge).await.unwrap();
    assert_eq!(settled.len(), 3);
    assert!(settled.iter().all(|(letter, _)| letter.data == "{\"a\":1}"));
    // It comes as it was, and without a word of its death.
    let revived = next(&mut receiver).await;
    assert_eq!(revived.event, event("again"));
    revived.ack();
    let left = bus.dead_letters("strict", 10).await.unwrap();
    let left: Vec<_> = left
        .into_iter()
        .map(|letter| letter.event.unwrap().id)
        .collect();
    assert_eq!(left, ["keep"]);
}

#[tokio::test]
async fn what_is_no_cloud_event_goes_to_the_dead_letters_by_itself() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    publish_raw(
        &server,
        Message::new()
            .set_data("hello")
            .set_attributes([("from", "elsewhere")]),
    )
    .await;
    bus.publish(Topic::Commands, &event("good")).await.unwrap();
    assert_eq!(
        next(&mut bus.receive("strict", SOME)).await.event.id,
        "good"
    );
    let (attributes, data) = dead_letter(&server, "dead-strict").await;
    assert_eq!(
        attributes["farm-dead-reason"],
        "it has no attribute ce-specversion"
    );
    assert_eq!(attributes["from"], "elsewhere");
    assert_eq!(data, "hello");
}
