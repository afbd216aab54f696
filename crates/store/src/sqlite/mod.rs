//! The store on SQLite: one connection, statements prepared once, one transaction a commit.

mod fault;
mod open;
mod read;
mod write;

use std::path::{Path, PathBuf};

use farm_model::Timestamp;
use farm_model::record::Transition;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::fault::Fault;
use crate::{Batch, Committed, Epoch, Loaded, NumberedDecision, Store, StoreError};

/// What a commit's answer promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// A committed batch is on disk, and there after the process is killed or the power fails.
    #[default]
    Fsync,
    /// Nothing outlives the store; the path is not used.
    Memory,
}

/// A store in one SQLite file (write-ahead log, so two more files appear beside it).
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
}

impl SqliteStore {
    /// Opens the database at `path`, made with its folder if need be, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`]: a folder or file that cannot be written, a file that is something else, a newer schema.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let connection = match durability {
            Durability::Fsync => open::file(path)?,
            Durability::Memory => open::memory().map_err(|fault| fault.at(path))?,
        };
        Ok(Self {
            path: path.to_owned(),
            connection,
        })
    }

    fn named<T>(&self, result: Result<T, Fault>) -> Result<T, StoreError> {
        result.map_err(|fault| fault.at(&self.path))
    }

    /// A transaction that holds the write lock from its start.
    fn writing(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
    }

    fn try_load(&mut self) -> Result<Loaded, Fault> {
        // Committed on its own: from here on an older leader is fenced, and reading may take its time.
        let transaction = self.writing()?;
        let epoch = write::next_epoch(&transaction)?;
        transaction.commit()?;
        let snapshot = self.connection.transaction()?;
        read::loaded(&snapshot, epoch)
    }

    fn try_commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, Fault> {
        let transaction = self.writing()?;
        if read::epoch(&transaction)? != epoch {
            return Ok(Committed::Fenced);
        }
        write::batch(&transaction, epoch, batch)?;
        transaction.commit()?;
        Ok(Committed::Yes)
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        let result = self.try_load();
        self.named(result)
    }

    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError> {
        let result = self.try_commit(epoch, batch);
        self.named(result)
    }

    fn history(&mut self, at: Timestamp) -> Result<Vec<Transition>, StoreError> {
        self.named(read::history(&self.connection, at))
    }

    fn history_hours(&mut self) -> Result<Vec<Timestamp>, StoreError> {
        self.named(read::history_hours(&self.connection))
    }

    fn decisions(&mut self, after: i64, limit: u32) -> Result<Vec<NumberedDecision>, StoreError> {
        self.named(read::decisions(&self.connection, after, limit))
    }
}

/// Nanoseconds since 1970, as the database keeps moments; those beyond the year 2262 count as its end.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at > Timestamp::UNIX_EPOCH {
        i64::MAX
    } else {
        i64::MIN
    })
}

/// Whole hours since 1970.
fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests;
