//! What nobody could use.

use farm_model::event::{Event, Topic};

use crate::rules::MAX_VALUE;

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

/// What is to become of each.
pub(crate) type Judge<'a> = &'a (dyn Fn(&DeadLetter) -> Sentence + Send + Sync);

/// The attribute that says why it was rejected, cut to what an attribute holds.
pub(crate) const REASON: &str = "farm-dead-reason";
/// The attribute that names the subscription that it was rejected from.
pub(crate) const FROM: &str = "farm-dead-from";

/// As much of `text` as an attribute holds; never nothing, which no attribute may be.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        "no reason given"
    } else {
        &text[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(600)).len(), 1024);
        assert_eq!(cut(&format!("x{}", "ä".repeat(600))).len(), 1023);
        assert_eq!(cut(""), "no reason given");
    }
}
