//! What a publisher may send.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::{Message, Subscription};

use crate::case::cases;
use crate::docs;
use crate::expect::{equal, unpublished};
use crate::world::{World, message, next, text};

const LIMITS: &str = "https://cloud.google.com/pubsub/quotas#resource_limits";
const BOUNDED: &str = "the resource limits of the service, over which it answers INVALID_ARGUMENT";
const KEYS: &str = "an attribute's key is not empty and does not begin with goog";

cases! { "publishing":
    each_message_gets_an_id_of_its_own, docs::RESOURCES;
    a_missing_topic_is_not_found, docs::ERRORS;
    any_text_and_any_bytes_come_back, docs::ATTRIBUTES;
    a_large_message_arrives_whole, LIMITS;
    too_many_attributes_are_refused, LIMITS, differs_because BOUNDED;
    attribute_keys_of_google_are_refused, docs::ATTRIBUTES, differs_because KEYS;
    a_key_pauses_after_a_failure, docs::ORDERING;
}

async fn each_message_gets_an_id_of_its_own(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let ids = w.publish(&topic, (0..250).map(message)).await?;
    equal(
        ids.iter().collect::<HashSet<_>>().len(),
        250,
        "different ids",
    )
}

async fn publish_one(
    w: &World,
    topic: &str,
    message: Message,
) -> Result<Result<String, PublishError>> {
    let publisher = w.publisher(topic).await?;
    let sent = publisher.publish(message);
    publisher.flush().await;
    Ok(sent.await)
}

async fn a_missing_topic_is_not_found(w: World) -> Result<()> {
    let answer = publish_one(&w, &w.name("topics", "missing"), message("x")).await?;
    unpublished(Code::NotFound, answer, "publish")
}

async fn any_text_and_any_bytes_come_back(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    let bytes: Vec<u8> = (0..=255).collect();
    let sent = Message::new()
        .set_data(bytes.clone())
        .set_attributes([("ключ", "🚜🌾"), ("empty", "")]);
    let ids = w.publish(&topic, [sent]).await?;
    let (came, handler) = next(&mut w.stream(&subscription)).await?;
    handler.ack();
    equal(came.data.to_vec(), bytes, "data")?;
    equal(
        came.attributes.get("ключ").map(String::as_str),
        Some("🚜🌾"),
        "an attribute",
    )?;
    equal(
        came.attributes.get("empty").map(String::as_str),
        Some(""),
        "an empty attribute",
    )?;
    equal(vec![came.message_id], ids, "the id")?;
    ensure!(came.publish_time.is_some(), "the time");
    Ok(())
}

async fn a_large_message_arrives_whole(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    let large = "farm ".repeat(1_800_000);
    w.publish(&topic, [message(&large)]).await?;
    let (came, handler) = next(&mut w.stream(&subscription)).await?;
    handler.ack();
    ensure!(text(&came) == large, "the same 9 MB come back");
    Ok(())
}

async fn too_many_attributes_are_refused(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let many = message("x").set_attributes((0..101).map(|n| (format!("key-{n}"), "x")));
    unpublished(
        Code::InvalidArgument,
        publish_one(&w, &topic.name, many).await?,
        "101 attributes",
    )
}

async fn attribute_keys_of_google_are_refused(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let goog = message("x").set_attributes([("googclient", "x")]);
    unpublished(
        Code::InvalidArgument,
        publish_one(&w, &topic.name, goog).await?,
        "a key of Google's",
    )
}

async fn a_key_pauses_after_a_failure(w: World) -> Result<()> {
    let publisher = w.publisher(&w.name("topics", "events")).await?;
    let first = publisher.publish(message("1").set_ordering_key("a"));
    publisher.flush().await;
    unpublished(Code::NotFound, first.await, "before the topic is there")?;
    let paused = publisher.publish(message("2").set_ordering_key("a")).await;
    ensure!(
        matches!(paused, Err(PublishError::OrderingKeyPaused)),
        "paused: {paused:?}"
    );
    w.topic("events").await?;
    publisher.resume_publish("a");
    let resumed = publisher.publish(message("3").set_ordering_key("a"));
    publisher.flush().await;
    ensure!(!resumed.await?.is_empty(), "an id");
    Ok(())
}
