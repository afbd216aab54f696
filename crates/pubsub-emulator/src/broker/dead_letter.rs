//! Forwarding messages that failed too often.
//!
//! Attributes: <https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic>.

use std::sync::Arc;

use super::subscription::Subscription;
use super::{Broker, State, Then};
use crate::encoded::Draft;
use crate::names::TopicName;
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::store::catalog::SubscriptionId;

/// How the attributes of dead letters begin.
pub(super) const PREFIX: &str = "CloudPubSubDeadLetterSource";

impl Broker {
    /// Publishes a leaving message to the dead-letter topic, and takes it out of the subscription
    /// when that is durable. If it cannot be, the subscription keeps it.
    pub(super) fn forward(self: &Arc<Self>, state: &mut State, id: SubscriptionId, seq: Seq) {
        let then: Then = Box::new(move |broker, state, result| {
            if let Err(error) = &result {
                tracing::warn!(message = seq.0, %error, "not dead-lettered, delivering again");
            }
            broker.forwarded(state, id, seq, result.is_ok());
        });
        match self.dead_letter(state, id, seq) {
            Ok(outgoing) => self.submit(state, outgoing, then),
            Err(refusal) => {
                tracing::warn!(message = seq.0, %refusal, "not dead-lettered, delivering again");
                self.forwarded(state, id, seq, false);
            }
        }
    }

    fn forwarded(self: &Arc<Self>, state: &mut State, id: SubscriptionId, seq: Seq, taken: bool) {
        let now = self.clock.now();
        let Some(subscription) = state.subscriptions.get_mut(&id) else {
            return;
        };
        if taken {
            subscription.dead_lettered += 1;
        }
        let done = subscription.leases.left(seq, taken, now);
        self.settled(state, id, done.then_some(seq).into_iter().collect());
    }

    fn dead_letter(
        &self,
        state: &mut State,
        id: SubscriptionId,
        seq: Seq,
    ) -> Result<Vec<super::publish::Outgoing>, Refusal> {
        let gone = || Refusal::internal("the message is gone");
        let subscription = state.subscriptions.get(&id).ok_or_else(gone)?;
        let policy = subscription.config.dead_letter_policy.as_ref();
        let topic = policy.ok_or_else(gone)?.dead_letter_topic.clone();
        let topic = TopicName::parse(&topic)?;
        let body = state.messages.body(seq).ok_or_else(gone)?;
        let message = body
            .read()
            .and_then(|encoded| encoded.decode())
            .map_err(|error| Refusal::internal(error.to_string()))?;
        let letter = letter(subscription, seq, message);
        self.number(state, &topic, vec![Draft::new(letter)])
    }
}

fn letter(from: &Subscription, seq: Seq, message: PubsubMessage) -> PubsubMessage {
    let mut letter = message;
    let time = letter.publish_time.as_ref().map(crate::text::timestamp);
    for (name, value) in [
        ("DeliveryCount", from.leases.failures(seq).to_string()),
        ("Subscription", subscription_id(from).to_owned()),
        ("SubscriptionProject", from.name.project().to_owned()),
        ("TopicPublishTime", time.unwrap_or_default()),
    ] {
        letter.attributes.insert(format!("{PREFIX}{name}"), value);
    }
    letter
}

/// The full name of the subscription that a dead letter is left over from, if it says.
pub(super) fn source(letter: &PubsubMessage) -> Option<String> {
    let said = |name: &str| letter.attributes.get(&format!("{PREFIX}{name}"));
    let (project, id) = (said("SubscriptionProject")?, said("Subscription")?);
    Some(format!("projects/{project}/subscriptions/{id}"))
}

/// The last part of the subscription's name.
fn subscription_id(from: &Subscription) -> &str {
    from.name.as_str().rsplit('/').next().unwrap_or_default()
}
