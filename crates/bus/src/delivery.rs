//! One event in our hands, until we say what became of it.

use farm_model::event::Event;

use crate::pubsub::Held;

/// An event as delivered; it stays ours until it is answered. Dropping it gives it back.
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Which delivery of it this is, from 1, as far as the queue counts.
    pub attempt: u32,
    held: Hold,
}

/// The queues' ways of answering.
#[derive(Debug)]
enum Hold {
    PubSub(Held),
}

impl Delivery {
    pub(crate) fn of_pubsub(event: Event, attempt: u32, held: Held) -> Self {
        Self {
            event,
            attempt,
            held: Hold::PubSub(held),
        }
    }

    /// Done: it should not come again. The answer is sent within a tenth of a second; if it is lost, the event comes again.
    pub fn ack(self) {
        match self.held {
            Hold::PubSub(held) => held.ack(),
        }
    }

    /// Not now: it comes again after a second or more.
    pub fn again(self) {
        match self.held {
            Hold::PubSub(held) => held.again(),
        }
    }

    /// Never again: a copy with `reason` goes to the dead letters, and then it is acknowledged. If the copy cannot be made
    /// within 30 seconds, the event comes again.
    pub async fn reject(self, reason: &str) {
        match self.held {
            Hold::PubSub(held) => held.reject(&self.event, reason).await,
        }
    }
}
