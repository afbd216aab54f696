//! What goes in and what comes out.

use farm_model::Timestamp;
use farm_model::event::{Event, Topic};
use farm_model::id::BuildId;
use farm_model::kept::{Kept, KeptKey};
use farm_model::record::{Branch, Build, CommitInfo, Numbered, OwnedMachine, Run, Transition};
use farm_model::view::FeedEvent;

use crate::Epoch;

/// How many rows of a kind one commit forgets at most, so that no commit takes long. Ask again with the next one.
pub const FORGET_AT_ONCE: u32 = 1000;

/// Everything that one decision changes. Records replace those of the same key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Branches, by repository and name.
    pub branches: Vec<Branch>,
    /// Commits of branches by their numbers.
    pub numbers: Vec<Numbered>,
    /// Builds, by id.
    pub builds: Vec<Build>,
    /// Runs, by build and number. Their builds are stored already or are in `builds`.
    pub runs: Vec<Run>,
    /// The configuration from now on.
    pub config: Option<ConfigRecord>,
    /// Keys used up; one that is there already keeps its time.
    pub inbox: Vec<InboxEntry>,
    /// Ids of events that have been published; done before `outbox_add`.
    pub outbox_done: Vec<String>,
    /// Events to publish, behind those that wait; an id that waits already stays as it is.
    pub outbox_add: Vec<OutboxEntry>,
    /// Views that have been written; done before `dirty_add`.
    pub dirty_done: Vec<String>,
    /// Views to write.
    pub dirty_add: Vec<String>,
    /// Lines of history, kept by the hour of their `at`.
    pub history: Vec<Transition>,
    /// Feed events, by their time.
    pub feed: Vec<FeedEvent>,
    /// Machines with an owner, by name.
    pub owned: Vec<OwnedMachine>,
    /// Small records by key; none removes what is there.
    pub kept: Vec<(KeptKey, Option<Kept>)>,
    /// Views as they lie in the bucket, by key.
    pub views: Vec<ViewVersion>,
    /// What was decided on.
    pub decision: Option<Decision>,
    /// Forget inbox keys from before this.
    pub forget_inbox_before: Option<Timestamp>,
    /// Forget feed events from before this.
    pub forget_feed_before: Option<Timestamp>,
    /// Forget the history of hours that lie wholly before this.
    pub forget_history_before: Option<Timestamp>,
    /// Forget the versions of views that were written before this: the next writing asks the bucket.
    pub forget_views_before: Option<Timestamp>,
    /// Forget decisions from before this, but never the last one: it keeps the count.
    pub forget_decisions_before: Option<Timestamp>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that a leader goes on from. History and decisions are read when they are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The epoch to commit under.
    pub epoch: Epoch,
    /// By repository and name.
    pub branches: Vec<Branch>,
    /// Those that [`Keep`] asks for, oldest first.
    pub builds: Vec<Build>,
    /// By build, then by number.
    pub runs: Vec<Run>,
    /// Keys used up, oldest first.
    pub inbox: Vec<InboxEntry>,
    /// What waits to be published, in the order it was added.
    pub outbox: Vec<OutboxEntry>,
    /// Views to write, sorted.
    pub dirty: Vec<String>,
    /// The configuration committed last.
    pub config: Option<ConfigRecord>,
    /// By time.
    pub feed: Vec<FeedEvent>,
    /// By name.
    pub owned: Vec<OwnedMachine>,
    /// By kind and key.
    pub kept: Vec<Kept>,
    /// By key.
    pub views: Vec<ViewVersion>,
}

/// Which builds a leader takes into its memory. The others stay where they are; see [`Store::find`](crate::Store::find).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    Everything,
    /// Those that are open, those that ended at this moment or later, and those of every commit that a stored branch
    /// shows, with all their runs.
    FinishedSince(Timestamp),
}

/// Which runs are walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are not over, by when they were opened.
    Open,
    /// Those that were over at this moment or later, by when that was; none: all that are over.
    EndedSince(Option<Timestamp>),
}

/// Where a walk through runs stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMark {
    pub(crate) at: i64,
    pub(crate) build: BuildId,
    pub(crate) number: u32,
}

/// A document in the bucket as the leader left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewVersion {
    /// Its key.
    pub key: String,
    /// The bucket's name for what is there.
    pub version: String,
    /// When it was written.
    pub at: Timestamp,
}

/// A commit's place on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The branch.
    pub branch: String,
    /// The commit's number on it.
    pub number: u64,
    /// The commit.
    pub commit: CommitInfo,
}

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Where to.
    pub topic: Topic,
    /// What; its id is the entry's key.
    pub event: Event,
}

/// A message that has had its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its key of de-duplication.
    pub key: String,
    /// When it was taken in.
    pub at: Timestamp,
}

/// A `farm.toml`. Earlier ones stay in the database, by digest, for the decision log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRecord {
    /// Of `text`.
    pub digest: String,
    /// Where it came from, for people: a path, or a repository and commit.
    pub source: String,
    /// The file.
    pub text: String,
}

/// What a decision was made of: enough to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The clock it saw.
    pub at: Timestamp,
    /// The configuration it saw, [`ConfigRecord::digest`].
    pub config_digest: String,
    /// The facts it was given: JSON.
    pub inputs: String,
}

/// A decision as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedDecision {
    /// Its place in the log, rising.
    pub number: i64,
    /// The leader that made it.
    pub epoch: Epoch,
    /// What it was made of.
    pub decision: Decision,
}
