//! Google's Pub/Sub, the service or anything that speaks its protocol, through the official client.

mod admin;
mod attributes;
mod clients;
mod dead;
mod held;
mod publish;
mod pump;
mod sentinel;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use farm_model::event::Event;

use crate::dead::{DeadLetter, Judge, Sentence};
use crate::error::{BusError, PublishError};
use crate::queue::{Promise, Queue};
use crate::receiver::{Limits, Receiver};
use crate::subscription::SubscriptionSpec;
use crate::url::Endpoint;

/// What it is called in errors.
const SERVICE: &str = "Pub/Sub";
/// How long a server may take to do, or to come up for, what one call wants of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One project on one server.
#[derive(Debug)]
pub(crate) struct PubSub {
    project: String,
    endpoint: Option<Endpoint>,
    patience: Duration,
    publishers: publish::Publishers,
}

impl PubSub {
    pub(crate) fn new(project: String, endpoint: Option<Endpoint>) -> Self {
        Self {
            project,
            endpoint,
            patience: PATIENCE,
            publishers: publish::Publishers::default(),
        }
    }

    /// The same with another limit than half a minute.
    #[cfg(test)]
    fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn topic_path(&self, topic: &str) -> String {
        format!("projects/{}/topics/{topic}", self.project)
    }

    fn subscription_path(&self, subscription: &str) -> String {
        format!("projects/{}/subscriptions/{subscription}", self.project)
    }

    async fn publish_each(&self, topic: &str, events: &[Event]) -> Result<(), PublishError> {
        let mut messages = Vec::with_capacity(events.len());
        let mut never = None;
        for event in events {
            match attributes::encode(topic, event) {
                Ok(message) => messages.push(message),
                Err(error) => never = never.or(Some(error)),
            }
        }
        publish::many(self, topic, messages).await?;
        never.map_or(Ok(()), Err)
    }
}

impl Queue for PubSub {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        event: &'a Event,
    ) -> Promise<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let message = attributes::encode(topic, event)?;
            publish::one(self, topic, message).await
        })
    }

    fn publish_all<'a>(
        &'a self,
        topic: &'a str,
        events: &'a [Event],
    ) -> Promise<'a, Result<(), PublishError>> {
        Box::pin(self.publish_each(topic, events))
    }

    fn ensure<'a>(
        &'a self,
        subscriptions: &'a [SubscriptionSpec],
    ) -> Promise<'a, Result<(), BusError>> {
        Box::pin(admin::ensure(self, subscriptions))
    }

    fn settle_dead<'a>(
        &'a self,
        subscription: &'a str,
        most: u32,
        judge: Judge<'a>,
    ) -> Promise<'a, Result<Vec<(DeadLetter, Sentence)>, BusError>> {
        Box::pin(dead::settle(self, subscription, most, judge))
    }

    fn receive(self: Arc<Self>, subscription: &str, limits: Limits) -> Receiver {
        let subscription = subscription.to_owned();
        Receiver::start(limits, move |intake| {
            pump::run(self, subscription, limits, intake)
        })
    }
}
