//! Content that is still coming.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::folder::{Staged, publish};
use super::memory::{Held, Memory};
use super::{Body, Record};
use crate::digest::{Digest, Running};
use crate::refusal::Refusal;

/// Bytes gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Content that is still coming. Dropped, it leaves nothing.
pub struct Draft {
    sink: Sink,
    size: u64,
    running: Running,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("size", &self.size).finish()
    }
}

/// Where it goes.
pub(super) enum Sink {
    File(BufWriter<File>, Staged),
    Memory(Vec<Bytes>, Held),
}

impl Sink {
    pub(super) async fn file(staged: Staged) -> io::Result<Self> {
        let file = File::create_new(staged.path()).await?;
        Ok(Self::File(BufWriter::with_capacity(BUFFER, file), staged))
    }

    pub(super) fn memory(memory: Memory) -> Self {
        Self::Memory(Vec::new(), memory.nothing())
    }
}

impl Draft {
    pub(super) fn new(sink: Sink) -> Self {
        let running = Running::new();
        Self {
            sink,
            size: 0,
            running,
        }
    }

    /// Takes further bytes.
    ///
    /// # Errors
    /// The disk, or more than memory has room for.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let length = bytes.len() as u64;
        match &mut self.sink {
            Sink::File(file, _) => file.write_all(bytes).await?,
            Sink::Memory(pieces, held) => {
                held.take(length).map_err(|limit| {
                    Refusal::EntityTooLarge(format!(
                        "This emulator keeps at most {limit} bytes in memory: start it with --data-dir."
                    ))
                })?;
                // A copy: what came in may be a slice of a larger buffer.
                pieces.push(Bytes::copy_from_slice(bytes));
            }
        }
        self.running.update(bytes);
        self.size += length;
        Ok(())
    }

    /// What came so far, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Checksums of what came so far.
    pub fn digest(&self) -> Digest {
        self.running.clone().finish()
    }

    /// Ends the content: it is on disk, under no name yet.
    pub async fn seal(&mut self, record: &Record) -> io::Result<()> {
        if let Sink::File(file, _) = &mut self.sink {
            file.write_all(&record.encode()?).await?;
            file.flush().await?;
            file.get_ref().sync_all().await?;
        }
        Ok(())
    }

    /// Gives it its name, for good: `path` in the folder that it was begun in.
    pub(super) async fn keep(self, path: Option<PathBuf>) -> io::Result<Body> {
        match (self.sink, path) {
            (Sink::File(file, staged), Some(path)) => {
                drop(file);
                publish(staged, path.clone()).await?;
                Ok(Body::File(path))
            }
            (Sink::File(..), None) => Err(io::Error::other("a draft of another shelf")),
            (Sink::Memory(pieces, held), _) => Ok(Body::Memory(Arc::new(pieces), Arc::new(held))),
        }
    }
}
