//! The store on PostgreSQL: one connection, made again when it broke; statements prepared once.
//!
//! A commit is acknowledged when the server has it on disk (`synchronous_commit` stays on). The connection must be to the
//! server itself or to a pooler that pools sessions: the leader's seat is a lock of the session.

mod connect;
mod sql;
mod tls;

use std::collections::HashMap;

use postgres::error::{DbError, Severity};
use postgres::{Client, IsolationLevel, Statement};

pub use self::connect::Address;
use self::sql::PostgresSql;
use crate::fault::Fault;
use crate::sql::{Access, Driver, Purpose, Sql, migrate};
use crate::{Store, StoreError};

/// The lock of whoever migrates, for all databases of a farm: any number that nobody else uses.
const MIGRATION: &str = "SELECT pg_advisory_xact_lock(7020390193526309234)";

/// A store in a PostgreSQL database. It blocks; do not use it on a thread that runs async tasks.
pub struct PostgresStore {
    address: Address,
    access: Access,
    session: Option<Session>,
}

/// A connection, and what has been prepared on it.
struct Session {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresStore({})", self.address)
    }
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`]: no server, no right, a database that holds something else, a newer schema.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        Self::with(address, Access::Full)
    }

    /// The same, or a store for reading only of a database that has our schema.
    pub(crate) fn with(address: &Address, access: Access) -> Result<Self, StoreError> {
        let mut store = Self {
            address: address.clone(),
            access,
            session: None,
        };
        let ready = match access {
            Access::Full => store.transact(Purpose::Write, &mut |sql| {
                sql.script(MIGRATION)?;
                migrate::migrate(sql)
            }),
            Access::Reading => store.transact(Purpose::Read, &mut |sql| migrate::check_same(sql)),
        };
        ready.map_err(|fault| fault.at(store.name()))?;
        Ok(store)
    }

    /// The session, or a new one if it broke.
    fn session(&mut self) -> Result<Session, Fault> {
        match self.session.take() {
            Some(session) if !session.client.is_closed() => Ok(session),
            broken => {
                if let Some(broken) = broken {
                    broken.end();
                }
                Ok(Session {
                    client: connect::client(&self.address, self.access)?,
                    statements: HashMap::new(),
                })
            }
        }
    }
}

impl Session {
    fn transact(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Sql) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let begin = self.client.build_transaction();
        let mut transaction = match purpose {
            Purpose::Write => begin.isolation_level(IsolationLevel::ReadCommitted),
            Purpose::Read => begin
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true),
        }
        .start()?;
        work(&mut PostgresSql {
            transaction: &mut transaction,
            statements: &mut self.statements,
        })?;
        transaction.commit()?;
        Ok(())
    }

    /// The driver waits inside for the server's goodbye, which it must not on a thread that runs async tasks.
    fn end(self) {
        // A thread that panicked has told so; the connection is gone either way.
        let _ = std::thread::spawn(move || drop(self)).join();
    }
}

/// Whether the session goes on after this error.
fn outlived(error: &postgres::Error) -> bool {
    let severity = error.as_db_error().and_then(DbError::parsed_severity);
    severity == Some(Severity::Error)
}

impl Driver for PostgresStore {
    fn transact(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Sql) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut session = self.session()?;
        let done = session.transact(purpose, work);
        // After an error of the connection the next call makes a new one; whether what was sent was committed is unknown.
        match &done {
            Err(Fault::Postgres(error)) if !outlived(error) => session.end(),
            _ => self.session = Some(session),
        }
        done
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    fn reopen(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(Self::with(&self.address, self.access)?))
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.end();
        }
    }
}

#[cfg(test)]
mod tests;
