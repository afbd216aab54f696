//! Where the state is: a SQLite file, or a private PostgreSQL server.

use std::path::{Path, PathBuf};

use farm_store::testing::postgres::Server;
use farm_store::{Durability, StateUrl, Store};
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
pub enum Kind {
    /// A file
    Sqlite,
    /// A server of our own, where its binaries are
    Postgres,
}

/// An empty database, as long as this is held.
#[derive(Debug)]
pub enum Database {
    /// A folder for the file.
    File(TempDir),
    /// A server.
    Server(Server),
}

impl Database {
    /// One that waits for the disk. SQLite's file comes into `folder`.
    ///
    /// # Errors
    /// Why there is no server.
    pub fn new(kind: Kind, folder: &Path) -> Result<Self, String> {
        match kind {
            Kind::Sqlite => Ok(Self::File(tempfile::tempdir_in(folder).unwrap())),
            Kind::Postgres => {
                let server = Server::start(Durability::Fsync)?;
                server.execute("CREATE DATABASE bench");
                Ok(Self::Server(server))
            }
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}/state.db", folder.path().display()),
            Self::Server(server) => server.url("bench"),
        }
    }
}

/// A store on the database at `url`.
pub fn open(url: &str) -> Box<dyn Store> {
    farm_store::open(&url.parse::<StateUrl>().unwrap()).unwrap()
}

/// What it takes on disk: SQLite with its write-ahead log, PostgreSQL without.
pub fn bytes(url: &str) -> u64 {
    let host = url.split_once("host=").map(|(_, rest)| rest.split('&'));
    let folder = match host.and_then(|mut rest| rest.next()) {
        Some(host) => Path::new(host).join("data/base"),
        None => PathBuf::from(url.trim_start_matches("sqlite:"))
            .parent()
            .unwrap()
            .to_owned(),
    };
    below(&folder)
}

fn below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
