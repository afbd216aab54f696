//! Streaming pull, as the client does it.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use google_cloud_pubsub::model::{DeadLetterPolicy, Message, RetryPolicy, Subscription};
use google_cloud_pubsub::subscriber::handler::Handler;
use google_cloud_wkt as wkt;
use tokio::time::Instant;

use crate::case::cases;
use crate::docs;
use crate::expect::equal;
use crate::world::{World, message, next, quiet, text, texts};

const HOLDS_BACK: &str = "redelivery of a message of a key redelivers all later messages of the key, also the acknowledged ones";
const NO_FILTERS: &str = "filters are named among the known limitations of Google's emulator";
const NO_BACK_OFF: &str =
    "the retry policy's minimum_backoff lies between two deliveries of a message";
const FLOW: &str = "max_outstanding_messages of the first request bounds what is out";

cases! { "delivery":
    a_thousand_messages_come_once_each, docs::PULL;
    a_nacked_message_comes_again, docs::PULL;
    an_acknowledged_message_does_not_come_again, docs::PULL;
    a_lease_is_kept_while_the_client_works, docs::LEASES;
    one_stream_leaves_to_others_what_it_may_not_hold, docs::FLOW_CONTROL, differs_because FLOW;
    a_key_keeps_its_order, docs::ORDERING;
    a_nack_keeps_the_order, docs::ORDERING, differs_because HOLDS_BACK;
    a_filter_lets_only_its_messages_through, docs::FILTERS, differs_because NO_FILTERS;
    back_off_holds_a_nacked_message_back, docs::DEAD_LETTERS, differs_because NO_BACK_OFF;
    after_five_attempts_it_is_a_dead_letter, docs::DEAD_LETTERS;
}

async fn a_thousand_messages_come_once_each(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.publish(&topic, (0..1000).map(message)).await?;
    let mut stream = w.stream(&subscription);
    let came: HashSet<_> = texts(&mut stream, 1000).await?.into_iter().collect();
    equal(came.len(), 1000, "different messages")?;
    quiet(&mut stream, Duration::from_millis(500)).await
}

async fn a_nacked_message_comes_again(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    let (first, handler) = next(&mut stream).await?;
    handler.nack();
    let (second, handler) = next(&mut stream).await?;
    handler.ack();
    equal(second.message_id, first.message_id, "the message")
}

async fn an_acknowledged_message_does_not_come_again(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    texts(&mut stream, 1).await?;
    quiet(&mut stream, Duration::from_secs(1)).await?;
    stream.shutdown_token().shutdown().await;
    quiet(&mut w.stream(&subscription), Duration::from_secs(1)).await
}

async fn a_lease_is_kept_while_the_client_works(w: World) -> Result<()> {
    let (topic, subscription) = w
        .pair(Subscription::new().set_ack_deadline_seconds(10))
        .await?;
    w.publish(&topic, [message("slow")]).await?;
    let mut stream = w.stream(&subscription);
    let (_, handler) = next(&mut stream).await?;
    quiet(&mut stream, Duration::from_secs(12)).await?;
    handler.ack();
    quiet(&mut stream, Duration::from_millis(500)).await
}

async fn one_stream_leaves_to_others_what_it_may_not_hold(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.publish(&topic, (0..10).map(message)).await?;
    let subscribe = w.subscriber().subscribe(&subscription.name);
    let mut first = subscribe.set_max_outstanding_messages(3).build();
    let (_, _held) = next(&mut first).await?;
    let mut second = w.stream(&subscription);
    equal(
        texts(&mut second, 7).await?.len(),
        7,
        "messages of the second stream",
    )
}

fn keyed(n: usize) -> Message {
    message(n).set_ordering_key("key")
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

async fn a_key_keeps_its_order(w: World) -> Result<()> {
    let (topic, subscription) = w
        .pair(Subscription::new().set_enable_message_ordering(true))
        .await?;
    w.publish(&topic, (0..100).map(keyed)).await?;
    equal(
        texts(&mut w.stream(&subscription), 100).await?,
        numbers(0..100),
        "the order",
    )
}

/// The client has later messages of the key already; they come again after the nacked one.
async fn a_nack_keeps_the_order(w: World) -> Result<()> {
    let (topic, subscription) = w
        .pair(Subscription::new().set_enable_message_ordering(true))
        .await?;
    w.publish(&topic, (0..10).map(keyed)).await?;
    let mut stream = w.stream(&subscription);
    equal(
        texts(&mut stream, 4).await?,
        numbers(0..4),
        "before the nack",
    )?;
    let mut held = Vec::new();
    for n in 4..10 {
        let (came, handler) = next(&mut stream).await?;
        equal(text(&came), n.to_string(), "the order before the nack")?;
        held.push(handler);
    }
    held.remove(0).nack();
    equal(
        texts(&mut stream, 6).await?,
        numbers(4..10),
        "from the nacked one on",
    )
}

async fn a_filter_lets_only_its_messages_through(w: World) -> Result<()> {
    let filter = "hasPrefix(attributes.kind, \"a\") AND NOT attributes:skip";
    let (topic, subscription) = w.pair(Subscription::new().set_filter(filter)).await?;
    let skipped = message("skipped").set_attributes([("kind", "a"), ("skip", "")]);
    let kind = |kind: &str| message(kind).set_attributes([("kind", kind)]);
    w.publish(&topic, [kind("b"), skipped, message("bare"), kind("ab")])
        .await?;
    let mut stream = w.stream(&subscription);
    equal(
        texts(&mut stream, 1).await?,
        vec!["ab".to_owned()],
        "what passes",
    )?;
    quiet(&mut stream, Duration::from_millis(500)).await
}

async fn back_off_holds_a_nacked_message_back(w: World) -> Result<()> {
    let two = wkt::Duration::clamp(2, 0);
    let retry = RetryPolicy::new()
        .set_minimum_backoff(two)
        .set_maximum_backoff(two);
    let (topic, subscription) = w.pair(Subscription::new().set_retry_policy(retry)).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    let (_, handler) = next(&mut stream).await?;
    let nacked = Instant::now();
    handler.nack();
    texts(&mut stream, 1).await?;
    let waited = nacked.elapsed();
    ensure!(
        waited > Duration::from_millis(1500),
        "back-off of two seconds, not {waited:?}"
    );
    Ok(())
}

async fn after_five_attempts_it_is_a_dead_letter(w: World) -> Result<()> {
    let dead = w.topic("dead").await?;
    let letters = w.subscribe(&dead, "letters", Subscription::new()).await?;
    let policy = DeadLetterPolicy::new()
        .set_dead_letter_topic(dead.name)
        .set_max_delivery_attempts(5);
    let (topic, subscription) = w
        .pair(Subscription::new().set_dead_letter_policy(policy))
        .await?;
    w.publish(&topic, [message("poison")]).await?;
    let mut stream = w.stream(&subscription);
    let mut attempts = Vec::new();
    while attempts.len() < 5 {
        let (_, handler) = next(&mut stream).await?;
        let Handler::AtLeastOnce(handler) = handler else {
            bail!("at least once was asked for")
        };
        attempts.extend(handler.delivery_attempt());
        handler.nack();
    }
    equal(attempts, vec![1, 2, 3, 4, 5], "attempts")?;
    let (letter, handler) = next(&mut w.stream(&letters)).await?;
    handler.ack();
    equal(text(&letter).as_str(), "poison", "the letter")?;
    let count = letter
        .attributes
        .get("CloudPubSubDeadLetterSourceDeliveryCount");
    equal(count.map(String::as_str), Some("5"), "the count")
}
