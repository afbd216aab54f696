//! Errors before they know the path of the database.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::StoreError;

/// What went wrong inside the store.
#[derive(Debug)]
pub enum Fault {
    /// The database said so.
    Sql(rusqlite::Error),
    /// A stored record does not read.
    Record {
        table: &'static str,
        key: String,
        error: serde_json::Error,
    },
    /// A record does not become JSON.
    Encode {
        table: &'static str,
        error: serde_json::Error,
    },
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The same with the path, sorted by what there is to do.
    pub fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Record { table, key, error } => StoreError::Record {
                path,
                table,
                key,
                error,
            },
            Self::Encode { table, error } => StoreError::Encode { table, error },
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => StoreError::Full { path },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    StoreError::Locked { path }
                }
                Some(ErrorCode::NotADatabase) => StoreError::NotOurs { path },
                Some(ErrorCode::ConstraintViolation) => StoreError::Contradiction { path, error },
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                    StoreError::Open { path, error }
                }
                _ => StoreError::Sql { path, error },
            },
        }
    }
}
