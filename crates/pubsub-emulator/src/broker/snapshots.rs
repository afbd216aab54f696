//! Snapshots: the acknowledgement state of a subscription at one moment, kept.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/replay-overview>.

use std::sync::Arc;
use std::time::Duration;

use super::Broker;
use super::admin::{Page, existing, missing};
use crate::clock::Moment;
use crate::mask;
use crate::names::{ProjectName, SnapshotName, SubscriptionName, TopicName};
use crate::proto::{CreateSnapshotRequest, Snapshot};
use crate::refusal::Refusal;
use crate::store::catalog::SnapshotRecord;

/// A snapshot lives so long after the publishing of the oldest message in it.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// One that would live less is refused.
const SHORTEST_LIFE: Duration = Duration::from_secs(3600);

impl Broker {
    /// Keeps the unacknowledged messages of a subscription, and whatever its topic gets from now on.
    /// An empty name is replaced by one of the server's.
    pub async fn create_snapshot(
        self: &Arc<Self>,
        request: CreateSnapshotRequest,
    ) -> Result<Snapshot, Refusal> {
        let source = SubscriptionName::parse(&request.subscription)?;
        let expires = self.snapshot_expiry(&source)?;
        self.change(|catalog| {
            let found = catalog.subscriptions.get(&source);
            let (_, subscription) = found.ok_or_else(|| missing(source.id()))?.clone();
            let id = catalog.new_holder();
            let name = match request.name.as_str() {
                "" => format!("projects/{}/snapshots/snapshot-{}", source.project(), id.0),
                name => name.to_owned(),
            };
            let name = SnapshotName::parse(&name)?;
            if catalog.snapshots.contains_key(&name) {
                return Err(existing(name.id()));
            }
            let config = Snapshot {
                name: name.as_str().to_owned(),
                topic: subscription.topic,
                expire_time: Some(expires.to_proto()),
                labels: request.labels,
            };
            let record = SnapshotRecord {
                id,
                config: config.clone(),
                filter: subscription.filter,
                cut: 0,
            };
            catalog.snapshots.insert(name, record);
            Ok(config)
        })
        .await
    }

    /// When a snapshot made now would expire.
    fn snapshot_expiry(&self, source: &SubscriptionName) -> Result<Moment, Refusal> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let id = state.find(source.as_str())?;
        let oldest = state.get_mut(id)?.leases.oldest().unwrap_or(now);
        let expires = oldest + LONGEST_LIFE;
        if expires < now + SHORTEST_LIFE {
            return Err(Refusal::precondition(
                "The subscription's oldest unacknowledged message is so old that the snapshot would \
                 expire in less than 1 hour.",
            ));
        }
        Ok(expires)
    }

    pub fn snapshot(&self, name: &str) -> Result<Snapshot, Refusal> {
        let name = SnapshotName::parse(name)?;
        let catalog = self.catalog();
        let found = catalog.snapshots.get(&name);
        found
            .map(|record| record.config.clone())
            .ok_or_else(|| missing(name.id()))
    }

    /// Takes the fields named by `paths` from `update`: `labels` and `expire_time`.
    pub async fn update_snapshot(
        &self,
        update: Snapshot,
        paths: &[String],
    ) -> Result<Snapshot, Refusal> {
        let name = SnapshotName::parse(&update.name)?;
        self.change(|catalog| {
            let record = catalog.snapshots.get_mut(&name);
            let record = record.ok_or_else(|| missing(name.id()))?;
            mask::update_snapshot(&mut record.config, &update, paths)?;
            Ok(record.config.clone())
        })
        .await
    }

    pub fn snapshots(&self, project: &str, page: Page) -> Result<(Vec<Snapshot>, String), Refusal> {
        let project = ProjectName::parse(project)?;
        let catalog = self.catalog();
        let of_project = catalog
            .snapshots
            .iter()
            .filter(|(name, _)| project.contains(name.as_str()))
            .map(|(name, record)| (name.as_str().to_owned(), record.config.clone()));
        Ok(page.cut(of_project))
    }

    /// The names of a topic's snapshots.
    pub fn topic_snapshots(
        &self,
        topic: &str,
        page: Page,
    ) -> Result<(Vec<String>, String), Refusal> {
        let topic = TopicName::parse(topic)?;
        let catalog = self.catalog();
        if !catalog.topics.contains_key(&topic) {
            return Err(missing(topic.id()));
        }
        let of_topic = catalog
            .snapshots
            .iter()
            .filter(|(_, record)| record.config.topic == topic.as_str())
            .map(|(name, _)| (name.as_str().to_owned(), name.as_str().to_owned()));
        Ok(page.cut(of_topic))
    }

    pub async fn delete_snapshot(&self, name: &str) -> Result<(), Refusal> {
        let name = SnapshotName::parse(name)?;
        self.change(|catalog| {
            let removed = catalog.snapshots.remove(&name);
            removed.map(|_| ()).ok_or_else(|| missing(name.id()))
        })
        .await
    }
}
