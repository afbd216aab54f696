#![doc = include_str!("../README.md")]

mod blob;
#[cfg(feature = "cloud")]
mod cloud;
mod delivery;
mod error;
mod folder;
mod history;
mod hour;
mod key;
mod lock;
mod log;
mod machine;
mod object;
mod open;
mod renewals;
mod replay;
mod said;
mod sweep;
mod view;

pub use blob::BlobStream;
pub use delivery::Delivery;
pub use error::BucketError;
pub use lock::FolderLock;
pub use log::{LogChunk, LogPiece, MAX_CHUNKS, MAX_PIECE};
pub use machine::{MachineMark, StoredMachine};
pub use object::Bucket;
pub use open::folder_url;
pub use said::{Claim, Claimed};
pub use sweep::{Found, Walk};
pub use view::{PutView, ReadView, View};

/// What became of an object that is written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// There was one under this key, which stays as it is.
    AlreadyThere,
}
