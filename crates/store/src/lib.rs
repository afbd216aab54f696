#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod fault;
mod postgres;
mod sql;
mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod url;

pub use batch::{
    Batch, ConfigRecord, Decision, FORGET_AT_ONCE, InboxEntry, Keep, Loaded, NumberedDecision,
    OutboxEntry, Placed, RunMark, ViewVersion, Which,
};
pub use error::StoreError;
pub use postgres::PostgresStore;
pub use sqlite::{Durability, SqliteStore};
pub use url::{BadStateUrl, StateUrl, open, open_for_reading};

use std::fmt;
use std::ops::Range;

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{Build, CommitInfo, Run, Transition};

/// Which leader this is, counted from 1 over the life of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(i64);

impl Epoch {
    /// The count.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a fenced leader has to stop"]
pub enum Committed {
    /// It is stored, as durably as the store promises.
    Yes,
    /// Another leader has loaded since; nothing was written, and nothing more will be under this epoch.
    Fenced,
}

/// Who leads, as somebody who would take over sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    /// The newest leader's epoch; 0 before the first.
    pub epoch: Epoch,
    /// Its signs of life so far. A leader that lives counts on; only the watcher's own clock says how long
    /// it has not.
    pub renewed: i64,
    /// Whether the store that leads is open and its process lives, as far as the database can know: false says that it
    /// is gone; true may be a process that is frozen, or a machine that was cut off.
    pub present: bool,
}

/// The coordinator's durable state.
pub trait Store: Send {
    /// Becomes the leader, whoever leads; an older one is fenced from here on. Shows to others that the leader is there
    /// until this store is dropped.
    ///
    /// # Errors
    /// [`StoreError`]; the epoch may have been taken all the same.
    fn take(&mut self) -> Result<Epoch, StoreError>;

    /// As [`Store::take`], unless the leader has shown a sign of life since it was seen as `seen`, or another one has come:
    /// of several that see a leader gone, one follows it.
    ///
    /// # Errors
    /// As [`Store::take`].
    fn succeed(&mut self, seen: Leader) -> Result<Option<Epoch>, StoreError>;

    /// Everything that the leader of `epoch` needs to go on. May take long; needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read(&mut self, epoch: Epoch, keep: Keep) -> Result<Loaded, StoreError>;

    /// [Takes](Store::take) the leadership and [reads](Store::read).
    ///
    /// # Errors
    /// [`StoreError`]; the epoch may have been taken all the same.
    fn load(&mut self, keep: Keep) -> Result<Loaded, StoreError> {
        let epoch = self.take()?;
        self.read(epoch, keep)
    }

    /// Writes `batch` in one transaction, if `epoch` is still the newest. A sign of life, as [`Store::renew`].
    ///
    /// # Errors
    /// [`StoreError`]. Nothing of the batch is stored then, except that after a failing disk this cannot be known:
    /// load again before going on.
    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError>;

    /// Who leads. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn leader(&mut self) -> Result<Leader, StoreError>;

    /// Counts on, if `epoch` is still the newest. Any store of the database may do so for the leader.
    ///
    /// # Errors
    /// [`StoreError`].
    fn renew(&mut self, epoch: Epoch) -> Result<Committed, StoreError>;

    /// Those of these builds that are stored, with their runs, whether or not [`Keep`] had them loaded. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn builds(&mut self, ids: &[BuildId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError>;

    /// The builds of one builder at one commit with their runs, oldest first, whether or not [`Keep`] had them loaded.
    /// Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(
        &mut self,
        builder: &BuilderName,
        commit: &CommitId,
    ) -> Result<Vec<(Build, Vec<Run>)>, StoreError>;

    /// The builds of these commits with their runs, oldest first, in whichever repository, whether or not [`Keep`] had them
    /// loaded. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn builds_of(&mut self, commits: &[CommitId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError>;

    /// The commits of a branch that have these numbers, lowest first. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn numbered(
        &mut self,
        repo: &RepoName,
        branch: &str,
        numbers: Range<u64>,
    ) -> Result<Vec<(u64, CommitInfo)>, StoreError>;

    /// Where a commit stands on the branches of a repository, by branch. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn places(&mut self, repo: &RepoName, commit: &CommitId) -> Result<Vec<Placed>, StoreError>;

    /// Runs by the moment they are sorted by, behind `after`, at most `limit`: of a walk through all of them in bounded
    /// portions. What is committed meanwhile may be missed. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn runs(
        &mut self,
        which: Which,
        after: Option<&RunMark>,
        limit: u32,
    ) -> Result<Vec<(RunMark, Run)>, StoreError>;

    /// The small records of a kind, by key. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn kept(&mut self, kind: KeptKind) -> Result<Vec<Kept>, StoreError>;

    /// The transitions of the hour that holds `at`, in the order they were committed. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn history(&mut self, at: Timestamp) -> Result<Vec<Transition>, StoreError>;

    /// The starts of the hours of which there are transitions, oldest first. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn history_hours(&mut self) -> Result<Vec<Timestamp>, StoreError>;

    /// The decision log after number `after` (0: from its start), oldest first, at most `limit`. Needs no leadership.
    ///
    /// # Errors
    /// [`StoreError`].
    fn decisions(&mut self, after: i64, limit: u32) -> Result<Vec<NumberedDecision>, StoreError>;

    /// Another store on the same database, for another thread.
    ///
    /// # Errors
    /// [`StoreError`], as at opening.
    fn another(&self) -> Result<Box<dyn Store>, StoreError>;
}

#[cfg(test)]
mod tests;
