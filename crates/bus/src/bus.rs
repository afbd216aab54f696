//! The bus: one handle, whichever queue is behind it.

use std::sync::Arc;

use farm_model::event::{Event, Topic};

#[cfg(feature = "aws")]
use crate::aws::Aws;
use crate::dead::{DeadLetter, Sentence};
use crate::error::{BusError, PublishError};
use crate::pubsub::PubSub;
use crate::queue::Queue;
use crate::receiver::{Limits, Receiver};
use crate::subscription::SubscriptionSpec;
use crate::url::{BusUrl, Place};

/// A handle on the queues; its clones share connections.
#[derive(Debug, Clone)]
pub struct Bus(Arc<dyn Queue>);

impl Bus {
    /// A bus at `url`. Nothing is connected yet: a queue that is away shows when something is published or received.
    ///
    /// # Errors
    /// [`BusError::NotBuiltIn`].
    pub fn open(url: &BusUrl) -> Result<Self, BusError> {
        match &url.0 {
            Place::PubSub { project, endpoint } => {
                let queue = PubSub::new(project.clone(), endpoint.clone());
                Ok(Self(Arc::new(queue)))
            }
            #[cfg(feature = "aws")]
            Place::Aws(account) => Ok(Self(Arc::new(Aws::new(account.clone())))),
            #[cfg(not(feature = "aws"))]
            Place::Aws(_) => Err(BusError::NotBuiltIn {
                url: url.to_string(),
            }),
        }
    }

    /// Publishes `event`; returns when the queue has it, or after 30 seconds of trying.
    ///
    /// # Errors
    /// [`PublishError`], sorted by whether trying again can help.
    pub async fn publish(&self, topic: Topic, event: &Event) -> Result<(), PublishError> {
        self.0.publish(topic.name(), event).await
    }

    /// Publishes `events` in as few requests as the queue allows; returns when it has all of them. The limit of 30 seconds
    /// is for them together.
    ///
    /// # Errors
    /// As for one. After an error that says to try again, any of them may have been published. Those that never can be
    /// are named one at a time, after the others have been published.
    pub async fn publish_all(&self, topic: Topic, events: &[Event]) -> Result<(), PublishError> {
        self.0.publish_all(topic.name(), events).await
    }

    /// Makes the topics, these subscriptions and their dead letters, where they are missing; waits 30 seconds for the server
    /// to come up. Does so on emulators (plain-text endpoints) alone: on the service they are Terraform's. There, on AWS, it
    /// looks whether the queues are there and have dead letters, as far as it may.
    ///
    /// # Errors
    /// The server is away or refuses, a subscription of the same name listens to something else, or what should have been
    /// made is missing.
    pub async fn ensure(&self, subscriptions: &[SubscriptionSpec]) -> Result<(), BusError> {
        self.0.ensure(subscriptions).await
    }

    /// Looks at the dead letters of `subscription`, at most `most` of them, and leaves them where they are. Takes a second
    /// longer than it takes to find them; nobody else sees them meanwhile.
    ///
    /// # Errors
    /// [`BusError::Look`]: there are no such dead letters, or the server is away.
    pub async fn dead_letters(
        &self,
        subscription: &str,
        most: u32,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let stay = |_: &DeadLetter| Sentence::Stay;
        let seen = self.settle_dead(subscription, most, &stay).await?;
        Ok(seen.into_iter().map(|(letter, _)| letter).collect())
    }

    /// The same, and does with each what `judge` says; returns what was done. A letter that cannot be published once more
    /// stays, and ends this.
    ///
    /// # Errors
    /// As for looking, and when a letter cannot be published.
    pub async fn settle_dead(
        &self,
        subscription: &str,
        most: u32,
        judge: &(dyn Fn(&DeadLetter) -> Sentence + Send + Sync),
    ) -> Result<Vec<(DeadLetter, Sentence)>, BusError> {
        self.0.settle_dead(subscription, most, judge).await
    }

    /// Receives what `subscription` has, until the receiver is closed or dropped. Must be called within a tokio runtime.
    #[must_use]
    pub fn receive(&self, subscription: &str, limits: Limits) -> Receiver {
        Arc::clone(&self.0).receive(subscription, limits)
    }
}

#[cfg(all(test, not(feature = "aws")))]
mod tests {
    use super::*;

    #[test]
    fn a_queue_without_a_client_is_refused_with_what_to_do() {
        let error = Bus::open(&"aws://eu-west-1".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "aws://eu-west-1: this build has no client for AWS queues; build with --features aws, or use pubsub://PROJECT"
        );
    }
}
