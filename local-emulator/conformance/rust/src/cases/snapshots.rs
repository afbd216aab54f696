//! Snapshots and seek.

use std::time::Duration;

use anyhow::{Result, ensure};
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::model::{Snapshot, Subscription};
use google_cloud_wkt::{FieldMask, Timestamp};

use crate::case::cases;
use crate::docs;
use crate::expect::{equal, refused};
use crate::world::{World, message, quiet, texts};

cases! { "snapshots":
    created_listed_and_deleted, docs::RESOURCES;
    labels_can_change, docs::RESOURCES,
        differs_because "UpdateSnapshot is named among the known limitations of Google's emulator";
    a_missing_one_is_not_found, docs::ERRORS;
    seek_brings_back_what_was_unacknowledged_then, docs::REPLAY;
    seek_to_the_past_brings_back_what_was_acknowledged, docs::REPLAY;
    seek_to_the_future_drops_everything, docs::REPLAY;
}

async fn snapshot(w: &World, subscription: &Subscription) -> Result<Snapshot> {
    let create = w
        .subscriptions()
        .create_snapshot()
        .set_name(w.name("snapshots", "then"));
    Ok(create.set_subscription(&subscription.name).send().await?)
}

async fn created_listed_and_deleted(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    let made = snapshot(&w, &subscription).await?;
    equal(&made.topic, &topic.name, "its topic")?;
    ensure!(made.expire_time.is_some(), "it expires");
    let of_topic = w
        .topics()
        .list_topic_snapshots()
        .set_topic(topic.name)
        .send()
        .await?;
    equal(
        of_topic.snapshots,
        vec![made.name.clone()],
        "those of the topic",
    )?;
    w.subscriptions()
        .delete_snapshot()
        .set_snapshot(&made.name)
        .send()
        .await?;
    let left = w
        .subscriptions()
        .list_snapshots()
        .set_project(&w.project)
        .send()
        .await?;
    equal(left.snapshots.len(), 0, "snapshots left")
}

async fn labels_can_change(w: World) -> Result<()> {
    let (_, subscription) = w.pair(Subscription::new()).await?;
    let made = snapshot(&w, &subscription).await?;
    let changed = Snapshot::new()
        .set_name(&made.name)
        .set_labels([("a", "b")]);
    let update = w.subscriptions().update_snapshot().set_snapshot(changed);
    update
        .set_update_mask(FieldMask::default().set_paths(["labels"]))
        .send()
        .await?;
    let read = w
        .subscriptions()
        .get_snapshot()
        .set_snapshot(made.name)
        .send()
        .await?;
    equal(
        read.labels.get("a").map(String::as_str),
        Some("b"),
        "the label",
    )
}

async fn a_missing_one_is_not_found(w: World) -> Result<()> {
    let (_, subscription) = w.pair(Subscription::new()).await?;
    let missing = w.name("snapshots", "missing");
    let get = w.subscriptions().get_snapshot().set_snapshot(&missing);
    refused(Code::NotFound, get.send().await, "get")?;
    let seek = w.subscriptions().seek().set_subscription(subscription.name);
    refused(
        Code::NotFound,
        seek.set_snapshot(missing).send().await,
        "seek",
    )
}

async fn seek_brings_back_what_was_unacknowledged_then(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    let made = snapshot(&w, &subscription).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    texts(&mut stream, 1).await?;
    quiet(&mut stream, Duration::from_millis(500)).await?;
    let seek = w
        .subscriptions()
        .seek()
        .set_subscription(&subscription.name);
    seek.set_snapshot(made.name).send().await?;
    equal(
        texts(&mut stream, 1).await?,
        vec!["x".to_owned()],
        "what comes again",
    )
}

async fn seek_to_the_past_brings_back_what_was_acknowledged(w: World) -> Result<()> {
    let (topic, subscription) = w
        .pair(Subscription::new().set_retain_acked_messages(true))
        .await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    texts(&mut stream, 1).await?;
    quiet(&mut stream, Duration::from_millis(500)).await?;
    let seek = w
        .subscriptions()
        .seek()
        .set_subscription(&subscription.name);
    seek.set_time(Timestamp::clamp(1_000_000_000, 0))
        .send()
        .await?;
    equal(
        texts(&mut stream, 1).await?,
        vec!["x".to_owned()],
        "what comes again",
    )
}

async fn seek_to_the_future_drops_everything(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.publish(&topic, [message("x")]).await?;
    let seek = w
        .subscriptions()
        .seek()
        .set_subscription(&subscription.name);
    seek.set_time(Timestamp::clamp(4_000_000_000, 0))
        .send()
        .await?;
    quiet(&mut w.stream(&subscription), Duration::from_secs(1)).await
}
