//! Who listens to what.

use farm_model::event::Topic;
use farm_model::id::HubId;

/// A subscription as it should be. Each has a dead-letter topic and, there, a subscription of its own: both are named
/// `dead-<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// Its name in the project.
    pub name: String,
    /// What it listens to.
    pub topic: Topic,
    /// Only events for this hub (the extension `farmhub`). A filter cannot be changed later.
    pub hub: Option<HubId>,
    /// Where events are pushed; without it they are received.
    pub push: Option<PushTarget>,
    /// How long a delivery may stay unanswered, 10 to 600. Receivers keep what they hold for as long as they live; this
    /// counts for pushes.
    pub ack_deadline_seconds: u32,
    /// Tries before the queue itself moves an event to the dead letters, 5 to 100.
    pub max_delivery_attempts: u32,
}

/// An HTTP function that takes events as `POST`, in binary mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushTarget {
    /// Its address.
    pub url: String,
}

impl SubscriptionSpec {
    /// All of `topic`, with the usual limits.
    #[must_use]
    pub fn new(name: &str, topic: Topic) -> Self {
        Self {
            name: name.to_owned(),
            topic,
            hub: None,
            push: None,
            ack_deadline_seconds: 20,
            // A consumer rejects what it cannot read. This is for what kills consumers: each death counts as a try of
            // everything they held, so the bound has to leave room for innocent deaths.
            max_delivery_attempts: 50,
        }
    }

    /// What the coordinator receives.
    #[must_use]
    pub fn coordinator() -> Vec<Self> {
        vec![
            Self::new("activity-coordinator", Topic::Activity),
            Self::new("commands-coordinator", Topic::Commands),
            Self::new("progress-coordinator", Topic::Progress),
        ]
    }

    /// What a hub receives.
    #[must_use]
    pub fn hub(hub: &HubId) -> Self {
        Self {
            hub: Some(hub.clone()),
            ..Self::new(&format!("work-{hub}"), Topic::Work)
        }
    }

    /// The name of its dead-letter topic, and of the subscription there.
    pub(crate) fn dead(name: &str) -> String {
        format!("dead-{name}")
    }
}
