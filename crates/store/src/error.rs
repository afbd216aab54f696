//! What can go wrong with a store, sorted by what there is to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// A driver's words.
type Words = Box<dyn Error + Send + Sync>;

/// Why the store did not do it. `state` is the database's name for people, without secrets: a path or an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder of the database is not there and cannot be made.
    #[error(
        "cannot make the folder {} for the farm's state: {error}; make it, or choose another data folder",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file cannot be read and written.
    #[error(
        "cannot open the farm's state {state} for reading and writing: {error}; \
         the file, its -wal and -shm beside it, and their folder must belong to the user that runs the coordinator"
    )]
    Open {
        /// The file.
        state: String,
        /// Why.
        error: Words,
    },
    /// The server does not let us in, or not do what we must.
    #[error(
        "the farm's state {state} is refused: {error}; \
         check user, password, database and TLS settings, and that the user may create tables there"
    )]
    Refused {
        /// The database.
        state: String,
        /// Why.
        error: String,
    },
    /// The server cannot be reached, or the connection to it broke.
    #[error(
        "the farm's state {state} cannot be reached: {error}; it is tried again while the coordinator runs"
    )]
    Away {
        /// The database.
        state: String,
        /// Why.
        error: String,
    },
    /// There is something else in the database.
    #[error(
        "{state} holds something, but not a farm's state; move it away, or choose another place for the state"
    )]
    NotOurs {
        /// The database.
        state: String,
    },
    /// A newer farm has written it.
    #[error(
        "{state} was written by a newer version of the farm (schema {found}; this one knows up to {known}); \
         install the newer version again, or choose another place for the state"
    )]
    Newer {
        /// The database.
        state: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An older farm has written it, and it was opened for reading only.
    #[error(
        "{state} was written by an older version of the farm (schema {found}; this one reads {known}); \
         use that version, or start this one's coordinator first, which brings the state up to date"
    )]
    Older {
        /// The database.
        state: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It was opened for reading only, and is empty.
    #[error("{state} is empty: no farm has kept its state there; check the address")]
    Nothing {
        /// The database.
        state: String,
    },
    /// The file is not there, or cannot be read.
    #[error(
        "cannot open the farm's state {state} for reading: {error}; check the path, and that the file, \
         and -wal and -shm beside it, can be read"
    )]
    Read {
        /// The file.
        state: String,
        /// Why.
        error: Words,
    },
    /// No space is left.
    #[error("no space left for the farm's state {state}; free some, the coordinator then goes on")]
    Full {
        /// The database.
        state: String,
    },
    /// Another process has kept the database locked for too long.
    #[error("the farm's state {state} is locked by another process; stop that process")]
    Locked {
        /// The database.
        state: String,
    },
    /// A stored record does not read.
    #[error("the record {key} in table {table} of {state} does not read: {error}")]
    Record {
        /// The database.
        state: String,
        /// The table.
        table: &'static str,
        /// Its key, for people.
        key: String,
        /// The parser's words.
        error: serde_json::Error,
    },
    /// A record cannot be written as JSON.
    #[error("a record for table {table} cannot be written: {error}")]
    Encode {
        /// The table.
        table: &'static str,
        /// The serialiser's words.
        error: serde_json::Error,
    },
    /// A batch contradicts itself or the database: a run without its build.
    #[error("the batch does not fit the farm's state {state}: {error}")]
    Contradiction {
        /// The database.
        state: String,
        /// The database's words.
        error: Words,
    },
    /// Anything else that the database says: a broken disk, a file damaged from outside.
    #[error("the farm's state {state}: {error}")]
    Sql {
        /// The database.
        state: String,
        /// The database's words.
        error: Words,
    },
}

impl StoreError {
    /// Whether the same call may succeed later with nobody changing a setting.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Locked { .. } | Self::Away { .. }
        )
    }
}
