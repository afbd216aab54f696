//! What is on disk, in one data folder:
//!
//! - `lock`: held by the one emulator that uses the folder;
//! - `catalog`: topics, subscriptions and snapshots, replaced as a whole at each change;
//! - `log/{number}.seg`: messages and what became of them, appended in order. Whoever keeps a message
//!   is its *holder*: a subscription, a topic that retains messages, a snapshot.
//!
//! The log is written by one thread. It takes everything that waits, writes it with one call, makes
//! it durable with one `fdatasync`, and then answers: the more there is to do at once, the cheaper
//! each message gets. Acknowledgements ride along and are made durable with the next message, or
//! after a second.
//!
//! Segments are deleted only from the front, so an acknowledgement never goes before its message.
//! A front that is mostly acknowledged is freed by writing its last live messages again at the end.

pub(crate) mod catalog;
mod folder;
mod log;
mod record;
mod recover;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

pub(crate) use folder::Folder;
pub use folder::OpenError;
pub(crate) use log::{AppendError, Log};
pub(crate) use record::{Entry, Frames};
pub(crate) use recover::{Held, Recovered, RecoveredMessage};
pub(crate) use segment::SegmentFile;

/// Where a message lies on disk.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub segment: Arc<SegmentFile>,
    /// Of the payload, from the start of the file.
    pub offset: u32,
    pub length: u32,
}

/// Memory that a message takes beside its bytes while it is kept in memory, roughly.
pub(crate) const MESSAGE_OVERHEAD: u64 = 160;
