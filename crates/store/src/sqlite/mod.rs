//! The store on SQLite: one connection, statements prepared once, one transaction a commit.

mod open;
mod seat;
mod sql;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use self::seat::Seat;
use self::sql::SqliteSql;
use crate::fault::Fault;
use crate::sql::{Access, Driver, Purpose, Sql};
use crate::{Store, StoreError};

/// What a commit's answer promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// A committed batch is on disk, and there after the process is killed or the power fails.
    #[default]
    Fsync,
    /// Nothing outlives the store and those made of it by [`Store::another`]; the path is not used.
    Memory,
}

/// A store in one SQLite file (write-ahead log, so two more files appear beside it, and one more while it has a leader).
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
    seat: Seat,
    access: Access,
}

impl SqliteStore {
    /// Opens the database at `path`, made with its folder if need be, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`]: a folder or file that cannot be written, a file that is something else, a newer schema.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let (connection, seat) = match durability {
            Durability::Fsync => (open::file(path)?, Seat::beside(path)),
            Durability::Memory => {
                let connection = open::memory().map_err(|fault| fault.at(name(path)))?;
                (connection, Seat::in_memory())
            }
        };
        Ok(Self {
            path: path.to_owned(),
            connection: Arc::new(Mutex::new(connection)),
            seat,
            access: Access::Full,
        })
    }

    /// Opens the database at `path`, which must be there with our schema, and changes nothing.
    pub(crate) fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            connection: Arc::new(Mutex::new(open::for_reading(path)?)),
            seat: Seat::beside(path),
            access: Access::Reading,
        })
    }
}

impl Driver for SqliteStore {
    fn transact(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Sql) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let behaviour = match purpose {
            Purpose::Read => TransactionBehavior::Deferred,
            // Holds the write lock from its start.
            Purpose::Write => TransactionBehavior::Immediate,
        };
        let transaction = connection.transaction_with_behavior(behaviour)?;
        work(&mut SqliteSql {
            connection: &transaction,
            seat: &mut self.seat,
        })?;
        transaction.commit()?;
        Ok(())
    }

    fn name(&self) -> String {
        name(&self.path)
    }

    fn reopen(&self) -> Result<Box<dyn Store>, StoreError> {
        if self.access == Access::Reading {
            return Ok(Box::new(Self::open_for_reading(&self.path)?));
        }
        if !self.seat.is_in_memory() {
            return Ok(Box::new(Self::open(&self.path, Durability::Fsync)?));
        }
        Ok(Box::new(Self {
            path: self.path.clone(),
            connection: self.connection.clone(),
            seat: self.seat.another(),
            access: self.access,
        }))
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
