//! From a path to a connection with our schema.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::fault::Fault;
use crate::StoreError;

/// Schema n is what the first n of these make of an empty database.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// How long a call waits for another process's transaction. Those are short; a new leader's first is one row.
const BUSY: Duration = Duration::from_secs(5);

/// More than there are statements in `read` and `write`, so that each is parsed once.
const STATEMENTS: usize = 64;

/// The database in the file at `path`.
pub fn file(path: &Path) -> Result<Connection, StoreError> {
    make_folder(path)?;
    // Not the default flags: those take a path that begins with `file:` for a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let named = |fault: Fault| fault.at(path);
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| StoreError::Open {
            path: path.to_owned(),
            error,
        })?;
    // Looked at before anything is changed: it may be somebody else's.
    set_up(&connection).map_err(named)?;
    check(&connection, path)?;
    make_durable(&connection).map_err(named)?;
    migrate(&mut connection).map_err(named)?;
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

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let named = |fault: Fault| fault.at(path);
    let known = known();
    match schema(connection).map_err(named)? {
        Some(found) if found > known => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        None if !is_empty(connection).map_err(named)? => Err(StoreError::NotOurs {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    Ok(
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| {
            row.get::<_, i64>(0).map(|tables| tables == 0)
        })?,
    )
}

/// The schema's number; none in a database without our table.
fn schema(connection: &Connection) -> Result<Option<i64>, Fault> {
    let ours = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'farm_schema'";
    if connection
        .query_row(ours, [], |_| Ok(()))
        .optional()?
        .is_none()
    {
        return Ok(None);
    }
    let version = "SELECT version FROM farm_schema";
    Ok(connection
        .query_row(version, [], |row| row.get(0))
        .optional()?)
}

/// Writes even when there is nothing to migrate: a file that cannot be written shows at start. (Beginning a writing
/// transaction does not tell: SQLite lets one begin on a read-only file.)
pub fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again under the lock: another process may have migrated meanwhile.
    let found = schema(&transaction)?;
    if found.is_none() {
        transaction.execute_batch(
            "CREATE TABLE farm_schema (version BIGINT NOT NULL);
             INSERT INTO farm_schema (version) VALUES (0);",
        )?;
    }
    let done = usize::try_from(found.unwrap_or(0)).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.execute("UPDATE farm_schema SET version = $1", [known()])?;
    transaction.commit()?;
    Ok(())
}
