//! How an emulator is set up.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::disturbance::Disturbance;

/// What a publisher's answer promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// An answered publish is on disk, and there after the process is killed or the power fails.
    #[default]
    Fsync,
    /// Nothing outlives the process; the data folder is not used.
    Memory,
}

/// Options of [`crate::Emulator::open`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made if need be. `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// `Memory` ignores `data`.
    pub durability: Durability,
    /// Memory for messages, in bytes; with a data folder, further ones are read from disk when they
    /// are delivered. Their index is in memory all the same: about 60 bytes a message, and 17 more
    /// for each further subscription that has it.
    pub memory_bytes: u64,
    /// Bytes of messages, unacknowledged or retained, at which publishing is refused with `RESOURCE_EXHAUSTED`.
    pub max_backlog_bytes: u64,
    /// Size at which a file of the log is closed and the next one begun.
    pub segment_bytes: u64,
    /// Messages under way at once to one push endpoint.
    pub push_concurrency: usize,
    /// The time; tests move it.
    pub clock: Arc<dyn Clock>,
    /// Loses, repeats and delays messages on purpose.
    pub disturbance: Option<Arc<dyn Disturbance>>,
}

impl Default for Options {
    /// In memory, until a folder is given; 64 MiB of messages in memory, a backlog of at most 4 GiB.
    fn default() -> Self {
        Self {
            data: None,
            durability: Durability::Fsync,
            memory_bytes: 64 << 20,
            max_backlog_bytes: 4 << 30,
            segment_bytes: 32 << 20,
            push_concurrency: 32,
            clock: Arc::new(SystemClock::start()),
            disturbance: None,
        }
    }
}

impl Options {
    /// Everything durable in this folder.
    pub fn durable(data: impl Into<PathBuf>) -> Self {
        Self {
            data: Some(data.into()),
            ..Self::default()
        }
    }
}
