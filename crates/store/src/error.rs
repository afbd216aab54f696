//! What can go wrong with a store, sorted by what there is to do.

use std::io;
use std::path::PathBuf;

/// Why the store did not do it.
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
        "cannot open the farm's state {} for reading and writing: {error}; \
         the file, its -wal and -shm beside it, and their folder must belong to the user that runs the coordinator",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// There is something else in the file.
    #[error(
        "{} holds something, but not a farm's state; move it away, or choose another data folder",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer farm has written it.
    #[error(
        "{} was written by a newer version of the farm (schema {found}; this one knows up to {known}); \
         install the newer version again, or choose another data folder",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// No space is left.
    #[error("no space left for the farm's state {}; free some, the coordinator then goes on", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process has kept the database locked for too long.
    #[error("the farm's state {} is locked by another process; stop that process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A stored record does not read.
    #[error("the record {key} in table {table} of {} does not read: {error}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
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
    #[error("the batch does not fit the farm's state {}: {error}", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The database's words.
        error: rusqlite::Error,
    },
    /// Anything else that the database says: a broken disk, a file damaged from outside.
    #[error("the farm's state {}: {error}", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// The database's words.
        error: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later with nobody changing a setting.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Locked { .. })
    }
}
