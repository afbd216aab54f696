//! Snapshots: the acknowledgement state of a subscription at one moment, kept.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/replay-overview>.

use std::sync::Arc;
use std::time::Duration;

use super::admin::{Page, existing, missing};
use super::subscription::{Subscription, detached};
use super::written::Written;
use super::{Broker, State};
use crate::clock::Moment;
use crate::mask;
use crate::names::{ProjectName, SnapshotName, SubscriptionName};
use crate::proto::{CreateSnapshotRequest, Snapshot};
use crate::refusal::Refusal;
use crate::seqs::{Seq, SeqSet};
use crate::store::Frames;
use crate::store::catalog::{Catalog, HolderId, SnapshotRecord};

/// A snapshot lives so long after the publishing of the oldest message in it.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// One that would live less is refused.
const SHORTEST_LIFE: Duration = Duration::from_secs(3600);

impl Broker {
    /// Keeps the unacknowledged messages of a subscription, and whatever its topic gets from now on.
    /// An empty name is replaced by one of the server's. Returns once that is durable.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ALREADY_EXISTS`; `FAILED_PRECONDITION` if the subscription is detached, or its
    /// oldest message so old that the snapshot would live less than an hour.
    pub async fn create_snapshot(
        self: &Arc<Self>,
        request: CreateSnapshotRequest,
    ) -> Result<Snapshot, Refusal> {
        let _one_at_a_time = self.admin.lock().await;
        if self.closing.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        let mut catalog = (*self.catalog()).clone();
        let source = SubscriptionName::parse(&request.subscription)?;
        let (name, mut record) = record(&mut catalog, &source, request)?;
        {
            // From here on it gets what is published.
            let state = &mut *self.state.lock();
            record.cut = state.next_seq;
            state.open_shelf(&record);
        }
        let made = self.fill_snapshot(&source, &mut record).await;
        let config = record.config.clone();
        catalog.snapshots.insert(name, record.clone());
        let catalog = Arc::new(catalog);
        let made = match made {
            Ok(()) => self.save(Arc::clone(&catalog)).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = made {
            self.state.lock().close_shelf(record.id);
            return Err(refusal);
        }
        self.adopt(catalog);
        Ok(config)
    }

    /// Puts the unacknowledged messages into a snapshot, durably, and says when it expires.
    async fn fill_snapshot(
        &self,
        source: &SubscriptionName,
        record: &mut SnapshotRecord,
    ) -> Result<(), Refusal> {
        // What was published before the snapshot and is on its way to the disk is in the
        // subscription when this is done.
        let under_way = self.write(&self.state.lock(), Frames::default());
        under_way.done().await?;
        let written = {
            let now = self.clock.now();
            let state = &mut *self.state.lock();
            let id = state.find(source.as_str())?;
            let found = state.get_mut(id)?;
            found.touch(now);
            record.config.expire_time = Some(expiry(found, now)?.to_proto());
            let before = found.leases.unacked();
            let before: Vec<_> = before.filter(|(seq, _)| seq.0 < record.cut).collect();
            self.shelve(state, record.id, before)
        };
        written.done().await
    }

    fn shelve(&self, state: &mut State, id: HolderId, messages: Vec<(Seq, Moment)>) -> Written {
        let Some(shelf) = state.shelves.get_mut(&id) else {
            return Written::now();
        };
        let seqs: SeqSet = messages.iter().map(|(seq, _)| *seq).collect();
        for (seq, born) in messages {
            shelf.kept.insert(seq, born);
            state.messages.hold(seq);
        }
        let mut frames = Frames::default();
        frames.push_set(id, &SeqSet::default(), false, &seqs);
        self.write(state, frames)
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
        self.names_of(topic, page, |catalog, topic| {
            let all = catalog.snapshots.iter();
            let of_topic = all.filter(|(_, record)| record.config.topic == topic);
            of_topic.map(|(name, _)| name.as_str().to_owned()).collect()
        })
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

/// When a snapshot made now expires.
fn expiry(source: &Subscription, now: Moment) -> Result<Moment, Refusal> {
    let expires = source.leases.oldest().unwrap_or(now) + LONGEST_LIFE;
    if expires < now + SHORTEST_LIFE {
        return Err(Refusal::precondition(
            "The subscription's oldest unacknowledged message is so old that the snapshot would \
             expire in less than 1 hour.",
        ));
    }
    Ok(expires)
}

/// The entry of a new snapshot, as far as it is known before it is filled.
fn record(
    catalog: &mut Catalog,
    source: &SubscriptionName,
    request: CreateSnapshotRequest,
) -> Result<(SnapshotName, SnapshotRecord), Refusal> {
    let found = catalog.subscriptions.get(source);
    let (_, subscription) = found.ok_or_else(|| missing(source.id()))?.clone();
    if subscription.detached {
        return Err(detached());
    }
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
        expire_time: None,
        labels: request.labels,
    };
    let record = SnapshotRecord {
        id,
        config,
        filter: subscription.filter,
        cut: 0,
    };
    Ok((name, record))
}
