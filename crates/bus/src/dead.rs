//! What nobody could use.

/// A message that was rejected, or was delivered too often, as it lies in the dead letters of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's own id of the message.
    pub id: String,
    /// Why it lies there, for people.
    pub reason: String,
}
