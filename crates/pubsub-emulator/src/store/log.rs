//! The handle to the log that the rest of the emulator holds.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::Place;
use super::catalog::HolderId;
use super::folder::{Folder, OpenError};
use super::record::Frames;
use super::recover::{self, Recovered};
use super::segment::SegmentFile;
use super::writer::Writer;

/// A place in a segment is four bytes.
const LARGEST_SEGMENT: u64 = 1 << 31;

/// Called on the writer's thread once the entries are written (and durable, if that was asked).
/// The places are those of the entries, in order.
pub(crate) type Done = Box<dyn FnOnce(Result<Vec<Place>, AppendError>) + Send>;

/// Why entries were not written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AppendError {
    #[error("the disk of the data folder {} is full: free some space", .0.display())]
    Full(PathBuf),
    #[error("cannot write in the data folder {}: {}", .0.display(), .1)]
    Failed(PathBuf, String),
    /// After a failed `fsync` nobody knows what is on disk, so nothing more is promised.
    #[error(
        "the data folder {} failed ({why}) and takes no more messages: restart the emulator",
        folder.display()
    )]
    Broken { folder: PathBuf, why: String },
    #[error("the emulator is shutting down")]
    Stopped,
}

pub(super) enum Job {
    Append {
        frames: Frames,
        /// Answer only once the entries are durable.
        durable: bool,
        /// Greater than every number in `frames`: for the head of a new segment.
        next_seq: u64,
        done: Option<Done>,
    },
    RemoveBefore(u32),
    Stop,
}

/// The log of a data folder, or nothing at all for an emulator without durability.
#[derive(Debug)]
pub(crate) struct Log {
    jobs: Option<mpsc::Sender<Job>>,
    bytes: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// No log: nothing outlives the process.
    pub fn none() -> Self {
        Self {
            jobs: None,
            bytes: Arc::default(),
            thread: Mutex::new(None),
        }
    }

    /// Reads the log of `folder` back, and starts a new segment and the writer's thread.
    ///
    /// `live` are the holders that still exist; `keep` is how many bytes of messages may stay
    /// in memory; a segment is closed when it has reached `segment_bytes`.
    pub fn open(
        folder: Folder,
        live: &BTreeSet<HolderId>,
        keep: u64,
        segment_bytes: u64,
    ) -> Result<(Self, Recovered), OpenError> {
        let io = |error| OpenError::io(folder.path(), error);
        let mut recovered = recover::recover(&folder.log(), live, keep).map_err(io)?;
        let bytes = Arc::new(AtomicU64::new(recovered.bytes));
        let number = recovered.segments.last().map_or(1, |last| last.number + 1);
        let active = Arc::new(SegmentFile::new(&folder.log(), number));
        let file = active.create(recovered.next_seq).map_err(io)?;
        recovered.active = number;
        let older = std::mem::take(&mut recovered.segments).into();
        let root = folder.path().to_owned();
        let writer = Writer::new(
            folder,
            older,
            active,
            file,
            segment_bytes.min(LARGEST_SEGMENT),
            Arc::clone(&bytes),
        );
        let (jobs, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("pubsub-log".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| OpenError::io(&root, error))?;
        let log = Self {
            jobs: Some(jobs),
            bytes,
            thread: Mutex::new(Some(thread)),
        };
        Ok((log, recovered))
    }

    /// Whether anything is written at all.
    pub fn is_durable(&self) -> bool {
        self.jobs.is_some()
    }

    /// Hands entries to the writer; the order of calls is the order in the log. Never blocks.
    ///
    /// A log that was stopped drops `done` without a call: callers hold locks here that `done` takes.
    pub fn append(&self, frames: Frames, durable: bool, next_seq: u64, done: Option<Done>) {
        let job = Job::Append {
            frames,
            durable,
            next_seq,
            done,
        };
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    /// Deletes the segments before `number`, the active one never.
    pub fn remove_before(&self, number: u32) {
        if let Some(jobs) = &self.jobs {
            // A stopped writer leaves them for the next start.
            let _ = jobs.send(Job::RemoveBefore(number));
        }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes what was handed over, makes it durable, and releases the folder. Blocks meanwhile.
    pub fn stop(&self) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Job::Stop);
        }
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the log's writer has panicked");
        }
    }
}
