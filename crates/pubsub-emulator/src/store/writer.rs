//! The one thread that writes the log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Place;
use super::folder::Folder;
use super::log::{AppendError, Done, Job};
use super::record::Frames;
use super::segment::{self, SegmentFile};

/// Acknowledgements alone are made durable after this time.
const LAZY_SYNC: Duration = Duration::from_secs(1);
/// A batch takes no further jobs once it is so large.
const BATCH_BYTES: usize = 8 << 20;

pub(super) struct Writer {
    folder: Folder,
    /// All segments before the active one.
    older: VecDeque<Arc<SegmentFile>>,
    active: Arc<SegmentFile>,
    file: File,
    /// Bytes of the active segment that are whole frames.
    length: u64,
    segment_bytes: u64,
    /// Since when something is written that is not durable.
    dirty: Option<Instant>,
    /// Set for good by a failure after which the file's state is unknown.
    broken: Option<String>,
    total: Arc<AtomicU64>,
    buffer: Vec<u8>,
}

/// Jobs that are written together.
#[derive(Default)]
struct Batch {
    frames: Vec<(Frames, Option<Done>)>,
    bytes: usize,
    durable: bool,
    next_seq: u64,
    remove_before: Option<u32>,
    stop: bool,
}

impl Batch {
    fn add(&mut self, job: Job) {
        match job {
            Job::Append {
                frames,
                durable,
                next_seq,
                done,
            } => {
                self.bytes += frames.len();
                self.durable |= durable;
                self.next_seq = next_seq;
                self.frames.push((frames, done));
            }
            Job::RemoveBefore(number) => self.remove_before = Some(number),
            Job::Stop => self.stop = true,
        }
    }

    /// Everything that waits, up to a bound.
    fn fill(&mut self, jobs: &Receiver<Job>) {
        while self.bytes < BATCH_BYTES && !self.stop {
            match jobs.try_recv() {
                Ok(job) => self.add(job),
                Err(_) => break,
            }
        }
    }
}

impl Writer {
    pub fn new(
        folder: Folder,
        older: VecDeque<Arc<SegmentFile>>,
        active: Arc<SegmentFile>,
        file: File,
        segment_bytes: u64,
        total: Arc<AtomicU64>,
    ) -> Self {
        total.fetch_add(segment::HEAD as u64, Ordering::Relaxed);
        Self {
            folder,
            older,
            active,
            file,
            length: segment::HEAD as u64,
            segment_bytes,
            dirty: None,
            broken: None,
            total,
            buffer: Vec::new(),
        }
    }

    /// Works until told to stop, or until nobody can give it work any more.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let mut batch = Batch::default();
            match self.wait(jobs) {
                Ok(job) => batch.add(job),
                Err(RecvTimeoutError::Timeout) => {
                    self.sync_lazily();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => batch.stop = true,
            }
            batch.fill(jobs);
            let stop = batch.stop;
            self.work(batch);
            if stop || self.rest().is_some_and(|rest| rest.is_zero()) {
                self.sync_lazily();
            }
            if stop {
                return;
            }
        }
    }

    fn wait(&self, jobs: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        match self.rest() {
            Some(rest) => jobs.recv_timeout(rest),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// How long what was written may still wait to become durable, if there is any: not longer
    /// because more keeps coming.
    fn rest(&self) -> Option<Duration> {
        self.dirty
            .map(|since| LAZY_SYNC.saturating_sub(since.elapsed()))
    }

    fn work(&mut self, batch: Batch) {
        if !batch.frames.is_empty() {
            let start = self.append(&batch);
            let mut before = 0;
            for (frames, done) in batch.frames {
                let size = frames.len() as u64;
                self.answer(&frames, before, done, &start);
                before += size;
            }
        }
        if let Some(number) = batch.remove_before {
            self.remove_before(number);
        }
    }

    /// Tells the outcome of a batch that was written at `start`.
    fn answer(
        &self,
        frames: &Frames,
        before: u64,
        done: Option<Done>,
        start: &Result<u64, AppendError>,
    ) {
        let Some(done) = done else { return };
        done(start.clone().map(|start| {
            let place = |&(offset, length): &(usize, u32)| Place {
                segment: Arc::clone(&self.active),
                offset: u32::try_from(start + before + offset as u64).unwrap_or(u32::MAX),
                length,
            };
            frames.payloads.iter().map(place).collect()
        }));
    }

    /// Writes a batch, as a whole or not at all. Returns where it begins in the active segment.
    fn append(&mut self, batch: &Batch) -> Result<u64, AppendError> {
        if let Some(why) = &self.broken {
            return Err(self.broken_for(why));
        }
        let result = self.try_append(batch);
        if let Err(error) = &result {
            tracing::error!(folder = %self.folder.path().display(), %error, "the log was not written");
            self.cut_back();
        }
        result.map_err(|error| self.explain(&error))
    }

    fn try_append(&mut self, batch: &Batch) -> io::Result<u64> {
        let size = batch.bytes as u64;
        if self.length > segment::HEAD as u64 && self.length + size > self.segment_bytes {
            self.start_segment(batch.next_seq)?;
        }
        self.buffer.clear();
        for (frames, _) in &batch.frames {
            self.buffer.extend_from_slice(&frames.bytes);
        }
        self.file.write_all(&self.buffer)?;
        // One large batch must not keep its memory for good.
        self.buffer.shrink_to(BATCH_BYTES);
        self.dirty.get_or_insert_with(Instant::now);
        if batch.durable {
            self.sync()?;
        }
        let start = self.length;
        self.length += size;
        self.total.fetch_add(size, Ordering::Relaxed);
        Ok(start)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.sync_data() {
            self.broken = Some(error.to_string());
            return Err(error);
        }
        self.dirty = None;
        Ok(())
    }

    fn sync_lazily(&mut self) {
        if self.dirty.is_some()
            && let Err(error) = self.sync()
        {
            self.dirty = None;
            tracing::error!(folder = %self.folder.path().display(), %error, "the log cannot be made durable");
        }
    }

    fn start_segment(&mut self, next_seq: u64) -> io::Result<()> {
        if self.dirty.is_some() {
            self.sync()?;
        }
        let number = self.active.number + 1;
        let next = Arc::new(SegmentFile::new(&self.folder.log(), number));
        let file = match next.create(next_seq) {
            Ok(file) => file,
            Err(error) => {
                // A head that was half written must not stand in the way of the next try.
                let _ = std::fs::remove_file(next.path());
                return Err(error);
            }
        };
        self.file = file;
        self.older
            .push_back(std::mem::replace(&mut self.active, next));
        self.length = segment::HEAD as u64;
        self.total.fetch_add(self.length, Ordering::Relaxed);
        Ok(())
    }

    /// Removes what a failed write has left behind the last whole frame.
    fn cut_back(&mut self) {
        let cut = self
            .file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
        if let Err(error) = cut {
            self.broken.get_or_insert(error.to_string());
        }
    }

    fn explain(&self, error: &io::Error) -> AppendError {
        match (&self.broken, error.kind()) {
            (Some(why), _) => self.broken_for(why),
            (None, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                AppendError::Full(self.root())
            }
            _ => AppendError::Failed(self.root(), error.to_string()),
        }
    }

    fn remove_before(&mut self, number: u32) {
        while let Some(segment) = self.older.pop_front_if(|segment| segment.number < number) {
            self.remove(&segment);
        }
    }

    fn remove(&self, segment: &SegmentFile) {
        let size = std::fs::metadata(segment.path()).map_or(0, |data| data.len());
        match std::fs::remove_file(segment.path()) {
            Ok(()) => {
                self.total.fetch_sub(size, Ordering::Relaxed);
            }
            Err(error) => {
                let path = segment.path().display();
                tracing::warn!(%path, %error, "a finished segment was not deleted");
            }
        }
    }

    fn broken_for(&self, why: &str) -> AppendError {
        AppendError::Broken {
            folder: self.root(),
            why: why.to_owned(),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}
