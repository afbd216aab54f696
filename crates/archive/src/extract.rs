//! Unpacking (`buildlet.md` 4.3), with links where 2019 lost them.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::SystemTime;

use crate::blocks::{Blocks, Entry};
use crate::gunzip::gunzip;
use crate::put::Putting;
use crate::{Dir, Error};

/// The largest piece of a file.
const PIECE: usize = 64 * 1024;
/// How much is handed over at once: small files are many.
const BATCH: usize = 128 * 1024;
const BATCH_STEPS: usize = 256;
/// Batches that may wait for the disk.
const BATCHES: usize = 8;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all files together, unpacked.
    pub bytes: u64,
    /// Members.
    pub entries: u64,
    /// Components of a name.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            entries: 5_000_000,
            depth: 256,
        }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Members, directories and links included.
    pub entries: u64,
    /// Of all files together.
    pub bytes: u64,
    /// Symbolic links that were not made: they would lead out of the tree, or this is Windows.
    pub links_left_out: u64,
    /// Files whose modification time could not be set.
    pub times_failed: u64,
}

/// Unpacks the gzipped tar archive `source` into `into`. Modification times after `now` become `now`. What was written
/// before an error stays, but for the file at which it happened. Reading and unzipping happen here, writing on a thread
/// that ends before this returns.
///
/// # Errors
/// [`Error::Malformed`] for the archive, [`Error::Local`] for the disk.
pub fn extract(
    source: impl Read,
    into: &Dir,
    limits: &Limits,
    now: SystemTime,
) -> Result<Extracted, Error> {
    let blocks = Blocks::new(gunzip(source)?);
    thread::scope(|scope| {
        let (batches, queue) = sync_channel(BATCHES);
        let writing = thread::Builder::new()
            .spawn_scoped(scope, move || write(Putting::new(into, limits, now), queue))
            .map_err(Error::local("start", b"a thread"))?;
        let read = Reading::new(batches).all(blocks);
        let written = writing.join().unwrap_or_else(|_| {
            Err(Error::local("write", b"archive")(std::io::Error::other(
                "the writing thread panicked",
            )))
        });
        // What the disk says comes first in the archive's order.
        let done = written?;
        read.map(|()| done)
    })
}

/// What the writing thread is to do, in order.
enum Step {
    Member(Entry),
    /// Of the last member's content.
    Content(Vec<u8>),
    /// The last member's content is complete.
    End,
}

/// The reading side. Dropped in the middle of a file, it says so by [`Step::End`] missing.
struct Reading {
    batches: SyncSender<Vec<Step>>,
    batch: Vec<Step>,
    bytes: usize,
}

/// The writing side is gone; it knows why.
struct Gone;

impl Reading {
    fn new(batches: SyncSender<Vec<Step>>) -> Self {
        Self {
            batches,
            batch: Vec::new(),
            bytes: 0,
        }
    }

    fn all(mut self, mut blocks: Blocks<impl Read>) -> Result<(), Error> {
        let read = self.members(&mut blocks);
        // Also before an error: earlier members stay.
        let flushed = self.flush();
        match read {
            Ok(Ok(())) if flushed.is_ok() => Ok(()),
            // The writer tells its own error instead.
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn members(&mut self, blocks: &mut Blocks<impl Read>) -> Result<Result<(), Gone>, Error> {
        while let Some(entry) = blocks.next()? {
            let has_content = entry.has_content();
            let mut sent = self.step(Step::Member(entry), 0);
            if has_content && sent.is_ok() {
                sent = self.content(blocks)?;
            }
            if sent.is_err() {
                return Ok(sent);
            }
        }
        Ok(Ok(()))
    }

    fn content(&mut self, blocks: &mut Blocks<impl Read>) -> Result<Result<(), Gone>, Error> {
        while blocks.left() > 0 {
            let length = usize::try_from(blocks.left()).map_or(PIECE, |left| left.min(PIECE));
            let mut piece = vec![0; length];
            let read = blocks.read_exact(&mut piece);
            read.map_err(|error| Error::tar(&error))?;
            let sent = self.step(Step::Content(piece), length);
            if sent.is_err() {
                return Ok(sent);
            }
        }
        Ok(self.step(Step::End, 0))
    }

    fn step(&mut self, step: Step, bytes: usize) -> Result<(), Gone> {
        self.batch.push(step);
        self.bytes += bytes;
        if self.bytes >= BATCH || self.batch.len() >= BATCH_STEPS {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Gone> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.batches.send(batch).map_err(|_| Gone)
    }
}

fn write(mut putting: Putting<'_>, queue: Receiver<Vec<Step>>) -> Result<Extracted, Error> {
    for step in queue.into_iter().flatten() {
        match step {
            Step::Member(entry) => putting.member(entry)?,
            Step::Content(bytes) => putting.content(&bytes)?,
            Step::End => putting.end(),
        }
    }
    putting.abandon();
    Ok(putting.done)
}
