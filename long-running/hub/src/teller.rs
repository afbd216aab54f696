//! Who this hub is, and how it says so on the queue.

use std::time::Duration;

use anyhow::Context;
use farm_bus::{Bus, PublishError};
use farm_model::Timestamp;
use farm_model::event::{Event, Message, Topic};
use farm_model::id::{HubId, HubSession};
use farm_runtime::Clock;
use tokio::time::sleep;

use crate::metrics::Counts;

/// First and longest pause between tries of what must be told.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A hub in one life.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Stable over restarts.
    pub hub: HubId,
    /// Of this start of the process.
    pub session: HubSession,
    /// Its clock.
    pub clock: Clock,
}

impl Identity {
    /// The hub's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An event of this hub; `id` must be unique in this life of it.
    ///
    /// # Errors
    /// The message does not serialise.
    pub fn event<M: Message>(&self, id: &str, message: &M) -> anyhow::Result<Event> {
        let id = format!("{}:{id}", self.session);
        let source = format!("/hub/{}", self.hub);
        Event::of(id, &source, self.now(), message).context("an event does not serialise")
    }
}

/// Publishes on `progress`.
#[derive(Clone)]
pub struct Teller {
    bus: Bus,
    counts: Counts,
}

impl Teller {
    /// On this bus; what it does not take is counted.
    pub fn new(bus: Bus, counts: Counts) -> Self {
        Self { bus, counts }
    }

    /// Returns when the queue has the event, within the bus's limit of time.
    ///
    /// # Errors
    /// It does not have it.
    pub async fn tell(&self, event: &Event) -> Result<(), PublishError> {
        self.counted(self.bus.publish(Topic::Progress, event).await)
    }

    /// The same for several at once.
    ///
    /// # Errors
    /// The queue does not have all of them.
    pub async fn tell_all(&self, events: &[Event]) -> Result<(), PublishError> {
        self.counted(self.bus.publish_all(Topic::Progress, events).await)
    }

    fn counted(&self, told: Result<(), PublishError>) -> Result<(), PublishError> {
        told.inspect_err(|_| self.counts.not_published())
    }

    /// Tries until the queue has it: for what nobody else will say.
    pub async fn tell_surely(&self, event: &Event) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.tell(event).await {
                Ok(()) => return,
                Err(error) if error.is_again() => {
                    tracing::warn!(event = %event.id, %error, "cannot publish; trying again");
                }
                Err(error) => return tracing::error!(%error, "an event is lost"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
