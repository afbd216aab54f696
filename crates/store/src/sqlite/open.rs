//! From a path to a connection with our schema.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::name;
use super::seat::Seat;
use super::sql::SqliteSql;
use crate::StoreError;
use crate::fault::Fault;
use crate::sql::{Sql, migrate};

/// How long a call waits for another process's transaction. Those are short; a new leader's first is one row.
const BUSY: Duration = Duration::from_secs(5);

/// More than there are statements, so that each is parsed once.
const STATEMENTS: usize = 128;

/// The database in the file at `path`.
pub fn file(path: &Path) -> Result<Connection, StoreError> {
    make_folder(path)?;
    // Not the default flags: those take a path that begins with `file:` for a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let named = |fault: Fault| fault.at(name(path));
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| StoreError::Open {
            state: name(path),
            error: error.into(),
        })?;
    // Looked at before anything is changed: it may be somebody else's.
    set_up(&connection).map_err(named)?;
    check(&connection).map_err(named)?;
    make_durable(&connection).map_err(named)?;
    migrate(&mut connection).map_err(named)?;
    Ok(connection)
}

/// The database in the file at `path`, as it is.
pub fn for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let refused = |error: rusqlite::Error| StoreError::Read {
        state: name(path),
        error: error.into(),
    };
    let connection = Connection::open_with_flags(path, flags).map_err(refused)?;
    let checked = set_up(&connection).and_then(|()| {
        migrate::check_same(&mut SqliteSql {
            connection: &connection,
            seat: &mut Seat::in_memory(),
        })
    });
    checked.map_err(|fault| fault.at(name(path)))?;
    Ok(connection)
}

/// An empty database in memory.
pub fn memory() -> Result<Connection, Fault> {
    let mut connection = Connection::open_in_memory()?;
    set_up(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    make_and_sync(folder).map_err(|error| StoreError::Folder {
        path: folder.to_owned(),
        error,
    })
}

/// A folder that a power failure takes away would take the database with it.
fn make_and_sync(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn set_up(connection: &Connection) -> Result<(), Fault> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

fn make_durable(connection: &Connection) -> Result<(), Fault> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(())
}

/// Runs `work` in a transaction that holds the write lock from its start.
fn locked(
    connection: &mut Connection,
    work: impl FnOnce(&mut dyn Sql) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&mut SqliteSql {
        connection: &transaction,
        seat: &mut Seat::in_memory(),
    })?;
    transaction.commit()?;
    Ok(())
}

pub fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    locked(connection, migrate::migrate)
}

/// Without a lock, which somebody else's file may not even take: what is found is looked at again under one.
fn check(connection: &Connection) -> Result<(), Fault> {
    migrate::check(&mut SqliteSql {
        connection,
        seat: &mut Seat::in_memory(),
    })
}
