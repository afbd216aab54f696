//! What nobody can use is kept, as others see it on Pub/Sub.

use std::collections::HashMap;

use farm_bus::SubscriptionSpec;
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
