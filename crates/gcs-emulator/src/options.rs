//! How an emulator is set up.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};

/// Options of [`crate::Emulator::open`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made if need be. `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Without a data folder: the most bytes that objects and uploads may take; more is refused with `EntityTooLarge`.
    pub memory_bytes: u64,
    /// The smallest part of a multipart upload but for its last, in bytes: <https://cloud.google.com/storage/quotas>.
    pub smallest_part: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    /// In memory, at most 1 GiB, until a folder is given; parts of at least 5 MiB, as the service has it.
    fn default() -> Self {
        Self {
            data: None,
            memory_bytes: 1 << 30,
            smallest_part: 5 << 20,
            clock: Arc::new(SystemClock),
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
