//! Logs of attempts: chunks that never change, read as one text.

mod hash;
mod stitch;

use bytes::{Bytes, BytesMut};
use farm_model::id::AttemptKey;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::GetOptions;

use self::stitch::{Part, stitch};
use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored};

/// The most chunks of one log: at the usual 256 KiB each, 25 GiB.
pub const MAX_CHUNKS: usize = 100_000;

/// The most bytes that are read at once.
pub const MAX_PIECE: usize = 8 << 20;

/// How many chunks are fetched at the same time.
const AT_ONCE: usize = 4;

/// A chunk that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogChunk {
    /// Where in the log it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// A piece of a log without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    /// Where it begins: as asked, or later where what was asked for is missing.
    pub offset: u64,
    /// The bytes; none where the log does not go on yet.
    pub bytes: Bytes,
    /// Where to read on.
    pub next: u64,
}

impl Bucket {
    /// Adds the bytes of the log from `offset` on. The same chunk again is fine; whoever tries again must bring the same
    /// bytes, since the first chunk at an offset stays. No bytes are no chunk.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_log_chunk(
        &self,
        attempt: &AttemptKey,
        offset: u64,
        bytes: Bytes,
    ) -> Result<Stored, BucketError> {
        if bytes.is_empty() {
            return Ok(Stored::AlreadyThere);
        }
        let key = chunk_key(attempt, offset)?;
        self.create(&key, bytes.into(), Wait::No).await
    }

    /// The chunks that there are, by offset.
    ///
    /// # Errors
    /// [`BucketError::TooMany`] over [`MAX_CHUNKS`].
    pub async fn list_log(&self, attempt: &AttemptKey) -> Result<Vec<LogChunk>, BucketError> {
        let prefix = log_key(attempt)?;
        let names = self.list(&prefix, None, MAX_CHUNKS + 1).await?;
        if names.len() > MAX_CHUNKS {
            return Err(BucketError::TooMany {
                prefix: prefix.to_string(),
                limit: MAX_CHUNKS,
            });
        }
        let chunk = |(name, len): (String, u64)| {
            let offset = u64::from_str_radix(&name, 16).ok();
            let offset = offset.filter(|offset| chunk_name(*offset) == name)?;
            Some(LogChunk { offset, len })
        };
        Ok(names.into_iter().filter_map(chunk).collect())
    }

    /// The log from byte `from` on, at most `max` bytes ([`MAX_PIECE`] if less), however it was cut into chunks.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn read_log(
        &self,
        attempt: &AttemptKey,
        from: u64,
        max: usize,
    ) -> Result<LogPiece, BucketError> {
        let chunks = self.list_log(attempt).await?;
        let (offset, parts) = stitch(&chunks, from, max.min(MAX_PIECE) as u64);
        let bytes: BytesMut = stream::iter(parts)
            .map(|part| self.read_part(attempt, part))
            .buffered(AT_ONCE)
            .try_fold(BytesMut::new(), |mut piece, bytes| async move {
                piece.extend_from_slice(&bytes);
                Ok(piece)
            })
            .await?;
        Ok(LogPiece {
            offset,
            next: offset + bytes.len() as u64,
            bytes: bytes.freeze(),
        })
    }

    async fn read_part(&self, attempt: &AttemptKey, part: Part) -> Result<Bytes, BucketError> {
        let key = chunk_key(attempt, part.chunk)?;
        let missing = || BucketError::Damaged {
            key: key.to_string(),
            reason: "it was removed while it was read".to_owned(),
        };
        let len = part.range.end - part.range.start;
        let options = GetOptions::new().with_range(Some(part.range));
        let found = self.get_with(&key, options).await?.ok_or_else(missing)?;
        self.read(&key, found, len).await
    }
}

fn log_key(attempt: &AttemptKey) -> Result<Key, BucketError> {
    Key::new(&format!("logs/{attempt}"))
}

fn chunk_key(attempt: &AttemptKey, offset: u64) -> Result<Key, BucketError> {
    Key::new(&format!("{}/{}", log_key(attempt)?, chunk_name(offset)))
}

fn chunk_name(offset: u64) -> String {
    format!("{offset:016x}")
}
