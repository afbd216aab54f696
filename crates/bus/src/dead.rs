//! What nobody could use.

use farm_model::event::{Event, Topic};

/// A message that was rejected, or was delivered too often, as it lies in the dead letters of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's own id of the message.
    pub id: String,
    /// Why it lies there, for people.
    pub reason: String,
    /// The event that it is, or why it is none.
    pub event: Result<Event, String>,
    /// Its data; what is not UTF-8 in it is replaced.
    pub data: String,
}

/// What is to become of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// It stays where it is.
    Stay,
    /// It is published once more, for everybody who listens to the topic, and is then no dead letter any more.
    Redeliver(Topic),
    /// It is gone for good.
    Drop,
}
