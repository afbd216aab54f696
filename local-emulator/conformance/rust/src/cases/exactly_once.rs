//! Exactly-once delivery.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use google_cloud_pubsub::error::AckError;
use google_cloud_pubsub::model::Subscription;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::{ExactlyOnce, Handler};
use google_cloud_wkt::Timestamp;

use crate::case::cases;
use crate::docs;
use crate::expect::equal;
use crate::world::{World, message, next, quiet};

cases! { "exactly_once":
    an_acknowledgement_is_confirmed, docs::EXACTLY_ONCE;
    a_confirmed_nack_brings_it_again, docs::EXACTLY_ONCE;
    a_hundred_are_confirmed_once_each, docs::EXACTLY_ONCE;
    what_was_sought_away_cannot_be_acknowledged, docs::EXACTLY_ONCE,
        differs_because "an acknowledgement of a message that is no longer out is an error";
}

async fn exactly_once(stream: &mut MessageStream) -> Result<ExactlyOnce> {
    match next(stream).await?.1 {
        Handler::ExactlyOnce(handler) => Ok(handler),
        _ => bail!("the stream says that delivery is exactly once"),
    }
}

fn settings() -> Subscription {
    Subscription::new().set_enable_exactly_once_delivery(true)
}

async fn an_acknowledgement_is_confirmed(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(settings()).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    exactly_once(&mut stream).await?.confirmed_ack().await?;
    quiet(&mut stream, Duration::from_secs(1)).await
}

async fn a_confirmed_nack_brings_it_again(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(settings()).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    exactly_once(&mut stream).await?.confirmed_nack().await?;
    exactly_once(&mut stream).await?.confirmed_ack().await?;
    Ok(())
}

async fn a_hundred_are_confirmed_once_each(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(settings()).await?;
    let mut ids = w.publish(&topic, (0..100).map(message)).await?;
    let mut stream = w.stream(&subscription);
    let (mut came, mut confirmed) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let (message, handler) = next(&mut stream).await?;
        let Handler::ExactlyOnce(handler) = handler else {
            bail!("the stream says that delivery is exactly once")
        };
        came.push(message.message_id);
        confirmed.push(handler.confirmed_ack());
    }
    futures::future::try_join_all(confirmed).await?;
    ids.sort();
    came.sort();
    equal(came, ids, "messages")?;
    quiet(&mut stream, Duration::from_millis(500)).await
}

/// A seek beyond the message takes it away from whoever has it.
async fn what_was_sought_away_cannot_be_acknowledged(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(settings()).await?;
    w.publish(&topic, [message("x")]).await?;
    let mut stream = w.stream(&subscription);
    let handler = exactly_once(&mut stream).await?;
    let future = Timestamp::clamp(4_000_000_000, 0);
    let seek = w
        .subscriptions()
        .seek()
        .set_subscription(&subscription.name);
    seek.set_time(future).send().await?;
    let told = handler.confirmed_ack().await;
    ensure!(
        matches!(told, Err(AckError::Rpc { .. } | AckError::LeaseExpired)),
        "{told:?}"
    );
    Ok(())
}
