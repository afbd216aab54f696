//! Numbers for progress displays and tests.

use std::time::Duration;

/// The emulator at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Number of topics.
    pub topics: usize,
    /// All subscriptions, by name.
    pub subscriptions: Vec<SubscriptionStats>,
    /// Bytes of unacknowledged messages, each counted once however many subscriptions have it.
    pub backlog_bytes: u64,
    /// Bytes of the log on disk.
    pub disk_bytes: u64,
}

/// A subscription at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// `projects/{project}/subscriptions/{id}`.
    pub name: String,
    /// `projects/{project}/topics/{id}`, or `_deleted-topic_`.
    pub topic: String,
    /// Unacknowledged messages, those with consumers included.
    pub backlog: usize,
    /// Of these, messages that a consumer has now.
    pub leased: usize,
    /// Bytes of the unacknowledged messages.
    pub bytes: u64,
    /// Age of the oldest unacknowledged message.
    pub oldest_unacked: Option<Duration>,
    /// Messages sent on to the dead-letter topic since the start.
    pub dead_lettered: u64,
}

/// A topic at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStats {
    /// `projects/{project}/topics/{id}`.
    pub name: String,
    /// Its subscriptions, by their full names.
    pub subscriptions: Vec<String>,
    /// The subscriptions whose dead letters are published here.
    pub dead_letters_of: Vec<String>,
}

/// What a subscription is set to, as far as it says where its messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// `projects/{project}/subscriptions/{id}`.
    pub name: String,
    /// Where messages are pushed; otherwise they are pulled.
    pub push_endpoint: Option<String>,
    /// The filter, or nothing.
    pub filter: String,
    /// How long a consumer has a message.
    pub ack_deadline: Duration,
    /// Messages of a key come in order.
    pub ordered: bool,
    /// Where messages go that failed too often.
    pub dead_letter_topic: Option<String>,
}

impl Stats {
    /// A subscription by its full name.
    pub fn subscription(&self, name: &str) -> Option<&SubscriptionStats> {
        self.subscriptions.iter().find(|s| s.name == name)
    }
}
