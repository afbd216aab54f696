//! Dead letters: what nobody can use is kept, with the reason, where an operator can look at it.

use std::sync::Arc;

use google_cloud_pubsub::model::Message;

use super::{PubSub, attributes, publish};
use crate::error::PublishError;
use crate::subscription::SubscriptionSpec;

/// Why it was rejected, cut to what an attribute holds.
const REASON: &str = "farm-dead-reason";
/// The subscription that it was rejected from.
const FROM: &str = "farm-dead-from";

/// The dead letters of one subscription.
#[derive(Debug, Clone)]
pub(super) struct Graveyard {
    queue: Arc<PubSub>,
    subscription: Arc<str>,
}

impl Graveyard {
    pub(super) fn new(queue: Arc<PubSub>, subscription: &str) -> Self {
        Self {
            queue,
            subscription: subscription.into(),
        }
    }

    /// Copies `message` there.
    pub(super) async fn bury(&self, message: Message, reason: &str) -> Result<(), PublishError> {
        let mut message = message;
        let kept = message.attributes.drain().take(attributes::MAX_ATTRIBUTES);
        let ours = [(REASON, cut(reason)), (FROM, &self.subscription)];
        let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let attributes: Vec<_> = kept.chain(ours).collect();
        let message = Message::new()
            .set_data(message.data)
            .set_attributes(attributes);
        let topic = SubscriptionSpec::dead(&self.subscription);
        publish::one(&self.queue, &topic, message).await
    }
}

/// As much of `text` as an attribute holds; never nothing, which no attribute may be.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(attributes::MAX_VALUE);
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
