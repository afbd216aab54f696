#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use batch::{
    Batch, ConfigRecord, Decision, FORGET_AT_ONCE, InboxEntry, Loaded, NumberedDecision,
    OutboxEntry,
};
pub use error::StoreError;
pub use sqlite::{Durability, SqliteStore};

use std::fmt;

use farm_model::Timestamp;
use farm_model::record::Transition;

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

/// The coordinator's durable state.
pub trait Store: Send {
    /// Becomes the leader and reads everything that a leader needs to go on.
    ///
    /// # Errors
    /// [`StoreError`]; the epoch may have been taken all the same.
    fn load(&mut self) -> Result<Loaded, StoreError>;

    /// Writes `batch` in one transaction, if `epoch` is still the newest.
    ///
    /// # Errors
    /// [`StoreError`]. Nothing of the batch is stored then, except that after a failing disk this cannot be known:
    /// load again before going on.
    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError>;

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
}
