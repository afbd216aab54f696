//! Where the state is, as an operator writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::postgres::Address;
use crate::sql::Access;
use crate::{Durability, PostgresStore, SqliteStore, Store, StoreError};

/// The address of a farm's state. Shows no password.
///
/// - `sqlite:/var/farm/state.db`: a file; a relative path is one of the working directory
/// - `sqlite::memory:`: nothing outlives the process
/// - `postgres://user:password@host/database`, with `?sslmode=require` (or `verify-full`, which is the same: certificates
///   are always verified) or `disable`, and `&sslrootcert=/ca.pem`; without `sslmode`, TLS except on this machine.
///   `postgres:///database?host=/run/postgresql&user=farm` is a Unix socket.
#[derive(Clone)]
pub enum StateUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// SQLite in memory.
    Memory,
    /// A PostgreSQL database.
    Postgres(Box<Address>),
}

/// Why a text is no [`StateUrl`]. Does not repeat it: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStateUrl {
    /// No scheme that we know.
    #[error(
        "the state's URL begins with sqlite: or postgres://, \
         as in sqlite:/var/farm/state.db or postgres://farm@db.example/farm"
    )]
    Scheme,
    /// `sqlite:` and nothing else.
    #[error("the state's URL names no file: write sqlite:/var/farm/state.db, or sqlite::memory:")]
    NoPath,
    /// The driver does not read it.
    #[error(
        "the state's URL does not read: write postgres://user:password@host:port/database?sslmode=require, \
         with special characters of the password as %XX"
    )]
    Postgres,
    /// No server.
    #[error(
        "the state's URL names no server: write postgres://user@host/database, \
         or ?host=/run/postgresql for a socket"
    )]
    NoHost,
    /// An `sslmode` that does not verify what it says.
    #[error("the state's URL: sslmode is require, verify-full or disable")]
    TlsMode,
}

impl FromStr for StateUrl {
    type Err = BadStateUrl;

    fn from_str(text: &str) -> Result<Self, BadStateUrl> {
        match text.split_once(':') {
            Some(("sqlite", ":memory:")) => Ok(Self::Memory),
            Some(("sqlite", "")) => Err(BadStateUrl::NoPath),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(text.parse()?))),
            _ => Err(BadStateUrl::Scheme),
        }
    }
}

impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Opens the state, durably unless it is in memory. Blocks.
///
/// # Errors
/// [`StoreError`].
pub fn open(url: &StateUrl) -> Result<Box<dyn Store>, StoreError> {
    Ok(match url {
        StateUrl::Sqlite(path) => Box::new(SqliteStore::open(path, Durability::Fsync)?),
        StateUrl::Memory => Box::new(SqliteStore::open("memory".as_ref(), Durability::Memory)?),
        StateUrl::Postgres(address) => Box::new(PostgresStore::open(address)?),
    })
}

/// Opens a state that is there already, for reading only: nothing is made, brought up to date or changed, and what would
/// write fails. Blocks.
///
/// # Errors
/// [`StoreError`]: nothing there, or another schema than this version's.
pub fn open_for_reading(url: &StateUrl) -> Result<Box<dyn Store>, StoreError> {
    Ok(match url {
        StateUrl::Sqlite(path) => Box::new(SqliteStore::open_for_reading(path)?),
        StateUrl::Memory => {
            let state = url.to_string();
            return Err(StoreError::Nothing { state });
        }
        StateUrl::Postgres(address) => Box::new(PostgresStore::with(address, Access::Reading)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<StateUrl>()
            .map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn urls_are_read_and_shown_without_their_password() {
        for same in [
            "sqlite:/var/farm/state.db",
            "sqlite:state.db",
            "sqlite::memory:",
        ] {
            assert_eq!(shown(same), same);
        }
        let url = "postgres://farm:s3cret@db.example:5433/farm?sslmode=require&password=s3cret";
        assert_eq!(shown(url), "postgres://farm@db.example:5433/farm");
        let url = "postgresql:///farm?host=/run/postgresql&user=f&sslrootcert=%2Fca.pem";
        assert_eq!(shown(url), "postgres://f@/run/postgresql/farm");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        assert!(shown("mysql://root:s3cret@h/d").contains("begins with sqlite: or postgres://"));
        assert!(shown("/var/farm/state.db").contains("begins with sqlite:"));
        assert!(shown("sqlite:").contains("names no file"));
        assert!(shown("postgres:///farm").contains("names no server"));
        assert!(shown("postgres://h/d?sslmode=prefer").contains("sslmode is"));
        let bad = shown("postgres://u:s3cret@h:port/d");
        assert!(
            bad.contains("does not read") && !bad.contains("s3cret"),
            "{bad}"
        );
    }
}
