//! Errors before they know the name of the database.

use std::error::Error;
use std::io;

use postgres::error::SqlState;
use rusqlite::ErrorCode;

use crate::StoreError;

/// What went wrong inside the store.
#[derive(Debug)]
pub enum Fault {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// PostgreSQL said so, or the way to it.
    Postgres(postgres::Error),
    /// The file beside the database that shows its leader.
    Seat(io::Error),
    /// The settings of a connection.
    Settings(String),
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
    /// Something else is in the database.
    NotOurs,
    /// A newer farm's schema.
    Newer { found: i64, known: i64 },
    /// An older farm's schema, where nothing may be changed.
    Older { found: i64, known: i64 },
    /// An empty database, where nothing may be changed.
    Nothing,
    /// A row that is always there is not.
    NoAnswer,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<postgres::Error> for Fault {
    fn from(error: postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl Fault {
    /// The same with the database's name, sorted by what there is to do.
    pub fn at(self, state: String) -> StoreError {
        match self {
            Self::Sqlite(error) => of_sqlite(error, state),
            Self::Postgres(error) => of_postgres(error, state),
            Self::Seat(error) => StoreError::Open {
                state,
                error: error.into(),
            },
            Self::Settings(error) => StoreError::Refused { state, error },
            Self::Record { table, key, error } => StoreError::Record {
                state,
                table,
                key,
                error,
            },
            Self::Encode { table, error } => StoreError::Encode { table, error },
            Self::NotOurs => StoreError::NotOurs { state },
            Self::Newer { found, known } => StoreError::Newer {
                state,
                found,
                known,
            },
            Self::Older { found, known } => StoreError::Older {
                state,
                found,
                known,
            },
            Self::Nothing => StoreError::Nothing { state },
            Self::NoAnswer => StoreError::Sql {
                state,
                error: "the row of the leader is missing".into(),
            },
        }
    }
}

fn of_sqlite(error: rusqlite::Error, state: String) -> StoreError {
    let code = error.sqlite_error_code();
    let error = error.into();
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full { state },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { state },
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs { state },
        Some(ErrorCode::ConstraintViolation) => StoreError::Contradiction { state, error },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Open { state, error }
        }
        _ => StoreError::Sql { state, error },
    }
}

fn of_postgres(error: postgres::Error, state: String) -> StoreError {
    let words = words(&error);
    let Some(code) = error.code() else {
        return match way_is_closed(&error) {
            true => StoreError::Away {
                state,
                error: words,
            },
            false => StoreError::Refused {
                state,
                error: words,
            },
        };
    };
    match code {
        code if *code == SqlState::DISK_FULL => StoreError::Full { state },
        code if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Locked { state },
        code if passes(code) => StoreError::Away {
            state,
            error: words,
        },
        code => match &code.code()[..2] {
            "23" => StoreError::Contradiction {
                state,
                error: words.into(),
            },
            // Authorisation, no such database or schema, no right.
            "28" | "3D" | "3F" => StoreError::Refused {
                state,
                error: words,
            },
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => StoreError::Refused {
                state,
                error: words,
            },
            _ => StoreError::Sql {
                state,
                error: words.into(),
            },
        },
    }
}

/// Whether the server is away, too busy, or no longer the one that takes writes.
fn passes(code: &SqlState) -> bool {
    let single = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::QUERY_CANCELED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    // Connections; resources; transactions that were in each other's way.
    single.contains(code) || ["08", "53", "40"].contains(&&code.code()[..2])
}

/// Whether the connection broke or none came about, which may be otherwise a moment later.
fn way_is_closed(error: &postgres::Error) -> bool {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            // What TLS finds wrong arrives as these.
            let wrong = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
            return !wrong.contains(&io.kind());
        }
        source = cause.source();
    }
    error.is_closed() || error.to_string().contains("timed out")
}

/// The driver's words with those of their causes.
fn words(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
