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

impl Stats {
    /// A subscription by its full name.
    pub fn subscription(&self, name: &str) -> Option<&SubscriptionStats> {
        self.subscriptions.iter().find(|s| s.name == name)
    }
}
