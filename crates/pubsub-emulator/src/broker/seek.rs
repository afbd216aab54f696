//! Seek: the acknowledgement state of a whole subscription, set at once.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/replay-overview>. What is older than the
//! subscription's and its topic's retention does not come back.

use std::sync::Arc;

use super::admin::missing;
use super::messages::Body;
use super::shelf::Shelf;
use super::written::Written;
use super::{Broker, State};
use crate::clock::Moment;
use crate::lease::Arrival;
use crate::names::{SnapshotName, TopicName};
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::{Seq, SeqMap};
use crate::store::Frames;
use crate::store::catalog::{HolderId, SubscriptionId};

/// Messages read in one step.
const STEP: usize = 512;

/// Where a subscription is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeekTo {
    /// Messages published before are acknowledged, the others are not.
    Time(Moment),
    /// The state that a snapshot has kept, by its full name.
    Snapshot(String),
}

/// A seek that was checked.
struct Plan {
    subscription: SubscriptionId,
    target: Target,
    /// Who may have messages that the subscription does not know.
    source: Option<HolderId>,
}

enum Target {
    Time(Moment),
    /// What the snapshot has, and everything from `cut` on.
    Snapshot {
        cut: Seq,
    },
}

/// A message that the subscription does not know, and wants.
struct Stranger {
    key: Option<Box<str>>,
    size: u32,
    born: Moment,
}

impl Plan {
    /// Whether a message is to be unacknowledged.
    fn opens(&self, shelf: Option<&Shelf>, seq: Seq, born: Moment) -> bool {
        match self.target {
            Target::Time(time) => born >= time,
            Target::Snapshot { cut } => {
                seq >= cut || shelf.is_some_and(|shelf| shelf.kept.contains(seq))
            }
        }
    }
}

impl Broker {
    /// Sets the acknowledgement state of a subscription, as far as its messages are retained.
    /// Returns once that is durable.
    ///
    /// # Errors
    /// `NOT_FOUND`; `FAILED_PRECONDITION` for a snapshot of another topic or a detached
    /// subscription.
    pub async fn seek(self: &Arc<Self>, name: &str, to: SeekTo) -> Result<(), Refusal> {
        // No snapshot and no subscription goes meanwhile.
        let _one_at_a_time = self.admin.lock().await;
        let (plan, unread) = {
            let state = &mut *self.state.lock();
            let plan = plan(state, name, &to)?;
            let unread = unread(state, &plan)?;
            (plan, unread)
        };
        let strangers = self.read_strangers(&plan, unread).await?;
        self.apply(&plan, &strangers)?.done().await
    }

    /// Of the messages that the subscription does not know, those that it wants: read as far as
    /// its filter and its order need it.
    async fn read_strangers(
        &self,
        plan: &Plan,
        unread: Vec<(Seq, Moment)>,
    ) -> Result<SeqMap<Stranger>, Refusal> {
        let mut strangers = SeqMap::default();
        for step in unread.chunks(STEP) {
            let (found, unseen) = {
                let state = &mut *self.state.lock();
                let unseen = state.get_mut(plan.subscription)?.takes_unseen();
                (found(state, step), unseen)
            };
            if unseen {
                found.into_iter().for_each(|(stranger, seq, _)| {
                    strangers.insert(seq, stranger);
                });
                continue;
            }
            let read = tokio::task::spawn_blocking(move || read(found)).await;
            let read = read.map_err(|error| Refusal::internal(error.to_string()))?;
            let state = &mut *self.state.lock();
            let subscription = state.get_mut(plan.subscription)?;
            for (mut stranger, seq, message) in read? {
                if subscription.wants(&message) {
                    stranger.key = key(&message);
                    strangers.insert(seq, stranger);
                }
            }
        }
        Ok(strangers)
    }

    fn apply(
        self: &Arc<Self>,
        plan: &Plan,
        strangers: &SeqMap<Stranger>,
    ) -> Result<Written, Refusal> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let shelf = plan.source.and_then(|id| state.shelves.get(&id));
        let id = plan.subscription;
        let gone = || Refusal::not_found("the subscription was deleted");
        let found = state.subscriptions.get_mut(&id).ok_or_else(gone)?;
        found.touch(now);
        let messages = &state.messages;
        // Their retention may have ended since they were read.
        let here = strangers.iter().filter(|(seq, _)| messages.contains(*seq));
        let arrivals = here.map(|(seq, stranger)| Arrival {
            seq,
            key: stranger.key.as_deref(),
            size: stranger.size,
            born: stranger.born,
        });
        let opens = |seq, born| plan.opens(shelf, seq, born);
        let sought = found.leases.seek(opens, arrivals);
        let kept = found.leases.retains_acked();
        for seq in sought.strangers.iter() {
            state.messages.hold(seq);
        }
        if !kept {
            for seq in sought.done.iter() {
                state.messages.release(seq);
            }
        }
        let mut frames = Frames::default();
        frames.push_set(id.into(), &sought.done, kept, &sought.opened);
        let written = self.write(state, frames);
        self.remove_finished(state);
        self.follow_up(state, id);
        Ok(written)
    }
}

fn plan(state: &mut State, name: &str, to: &SeekTo) -> Result<Plan, Refusal> {
    let subscription = state.find(name)?;
    let found = state.get_mut(subscription)?;
    found.check_attached()?;
    let topic = found.config.topic.clone();
    let catalog = &state.catalog;
    let (target, source) = match to {
        SeekTo::Time(time) => {
            let topic = TopicName::parse(&topic).ok();
            let source = topic.and_then(|topic| catalog.retaining.get(&topic).copied());
            (Target::Time(*time), source)
        }
        SeekTo::Snapshot(name) => {
            let name = SnapshotName::parse(name)?;
            let record = catalog
                .snapshots
                .get(&name)
                .ok_or_else(|| missing(name.id()))?;
            if record.config.topic != topic {
                return Err(Refusal::precondition(format!(
                    "The snapshot {name} is of another topic than the subscription."
                )));
            }
            let cut = Seq(record.cut);
            (Target::Snapshot { cut }, Some(record.id))
        }
    };
    Ok(Plan {
        subscription,
        target,
        source,
    })
}

/// The messages that are to be unacknowledged and that the subscription does not know.
fn unread(state: &State, plan: &Plan) -> Result<Vec<(Seq, Moment)>, Refusal> {
    let gone = || Refusal::not_found("the subscription was deleted");
    let found = state.subscriptions.get(&plan.subscription);
    let leases = &found.ok_or_else(gone)?.leases;
    let Some(shelf) = plan.source.and_then(|id| state.shelves.get(&id)) else {
        return Ok(Vec::new());
    };
    let unread = shelf
        .kept
        .iter()
        .filter(|(seq, born)| plan.opens(Some(shelf), *seq, **born) && leases.hold(*seq).is_none());
    Ok(unread.map(|(seq, born)| (seq, *born)).collect())
}

fn found(state: &State, seqs: &[(Seq, Moment)]) -> Vec<(Stranger, Seq, Body)> {
    let messages = &state.messages;
    let found = |(seq, born): &(Seq, Moment)| {
        let stranger = Stranger {
            key: None,
            size: messages.size(*seq)?,
            born: *born,
        };
        Some((stranger, *seq, messages.body(*seq)?))
    };
    seqs.iter().filter_map(found).collect()
}

/// Blocks for the disk.
fn read(found: Vec<(Stranger, Seq, Body)>) -> Result<Vec<(Stranger, Seq, PubsubMessage)>, Refusal> {
    let read = found.into_iter().map(|(stranger, seq, body)| {
        let message = body.read().and_then(|encoded| encoded.decode());
        let message = message.map_err(|error| {
            Refusal::unavailable(format!("a message cannot be read from the log: {error}"))
        })?;
        Ok((stranger, seq, message))
    });
    read.collect()
}

fn key(message: &PubsubMessage) -> Option<Box<str>> {
    let key = message.ordering_key.as_str();
    (!key.is_empty()).then(|| key.into())
}
