//! Where the bytes of a log lie: in one blob once it is stored whole, in chunks until then.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use farm_bucket::{Bucket, BucketError, LogPiece};
use farm_model::id::{AttemptKey, BlobId};
use farm_model::view::key;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::lapsed::Lapsed;
use super::{TEXT, find, is_over, summary};
use crate::dashboard::Dashboard;
use crate::dashboard::trouble::Trouble;

/// Bytes of one reading.
pub(in crate::dashboard) const PIECE: usize = 1 << 20;
/// Readings under way at once: so much of a log is in memory, whatever its length.
const AHEAD: usize = 3;

/// The log of one attempt.
#[derive(Clone)]
pub(in crate::dashboard) struct Source {
    bucket: Bucket,
    attempt: AttemptKey,
    whole: Option<Whole>,
    life: Life,
    /// What there was, if it does not lie there whole: to be said where nothing of it is left.
    lapsed: Option<Lapsed>,
    /// Bytes that have been read of it.
    read: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Whole {
    blob: BlobId,
    size: u64,
}

/// Whether anything is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Life {
    /// No document tells of the attempt.
    Unknown,
    /// It is under way.
    Grows,
    /// It is over.
    Over,
}

/// Pieces of a log without a break, first to last.
pub(in crate::dashboard) type Pieces = BoxStream<'static, Result<LogPiece, BucketError>>;

impl Source {
    /// The log of `attempt`, whether there is anything of it or not.
    pub(in crate::dashboard) async fn of(
        dashboard: &Dashboard,
        attempt: &AttemptKey,
    ) -> Result<Self, Trouble> {
        let build = dashboard.builds.get(&key::build(&attempt.build)).await?;
        let known = build.as_ref().and_then(|build| find(&build.view, attempt));
        let bucket = dashboard.bucket.clone();
        let whole = match known.and_then(summary).and_then(|log| log.whole.as_ref()) {
            Some(blob) => whole(&bucket, blob).await?,
            None => None,
        };
        let lapsed = match known.filter(|_| whole.is_none()) {
            Some(known) => Lapsed::of(dashboard, known).await?,
            None => None,
        };
        Ok(Self {
            lapsed,
            bucket,
            attempt: attempt.clone(),
            whole,
            life: known.map_or(Life::Unknown, |known| match is_over(known) {
                true => Life::Over,
                false => Life::Grows,
            }),
            read: Arc::default(),
        })
    }

    /// Whether anything is still to come.
    pub(in crate::dashboard) fn life(&self) -> Life {
        self.life
    }

    /// To be asked where nothing of it is found.
    ///
    /// # Errors
    /// [`Trouble::Gone`]: it had something.
    pub(in crate::dashboard) fn is_kept(&self) -> Result<(), Trouble> {
        match &self.lapsed {
            Some(lapsed) => Err(lapsed.trouble(&self.attempt)),
            None => Ok(()),
        }
    }

    /// What changes when the bytes do; none while they may.
    pub(super) fn tag(&self) -> Option<String> {
        let whole = self.whole.as_ref()?;
        Some(format!("\"{}\"", whole.blob))
    }

    /// Where the bucket itself sends the log to anybody, for a few minutes; none while it grows, and of most buckets.
    pub(super) async fn address(&self) -> Result<Option<String>, BucketError> {
        match &self.whole {
            Some(whole) => self.bucket.blob_url(&whole.blob, TEXT).await,
            None => Ok(None),
        }
    }

    /// Where the log ends at this moment.
    pub(in crate::dashboard) async fn end(&self) -> Result<u64, BucketError> {
        if let Some(whole) = &self.whole {
            return Ok(whole.size);
        }
        let chunks = self.bucket.list_log(&self.attempt).await?;
        Ok(chunks.last().map_or(0, |last| last.offset + last.len))
    }

    /// Bytes from `from` on, at most `most`; none where the log does not go on yet.
    pub(in crate::dashboard) async fn read(
        &self,
        from: u64,
        most: usize,
    ) -> Result<LogPiece, BucketError> {
        let piece = match &self.whole {
            Some(whole) => self.read_whole(whole, from, most).await?,
            None => self.bucket.read_log(&self.attempt, from, most).await?,
        };
        let len = piece.bytes.len() as u64;
        self.read.fetch_add(len, Ordering::Relaxed);
        Ok(piece)
    }

    /// How many bytes have been read so, by this and its clones.
    pub(in crate::dashboard) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    async fn read_whole(
        &self,
        whole: &Whole,
        from: u64,
        most: usize,
    ) -> Result<LogPiece, BucketError> {
        let range = from..from.saturating_add(most as u64).min(whole.size);
        let bytes = if range.is_empty() {
            Bytes::new()
        } else {
            let bytes = self.bucket.get_blob_range(&whole.blob, range).await?;
            bytes.unwrap_or_default()
        };
        Ok(LogPiece {
            offset: from,
            next: from.saturating_add(bytes.len() as u64),
            bytes,
        })
    }

    /// Everything from `from` on, as far as it goes at this moment. What is in one blob is read ahead.
    pub(in crate::dashboard) fn pieces(&self, from: u64) -> Pieces {
        let source = self.clone();
        let Some(whole) = &self.whole else {
            return one_by_one(source, from);
        };
        let starts = (from..whole.size).step_by(PIECE);
        let read = move |from| {
            let source = source.clone();
            async move { source.read(from, PIECE).await }
        };
        stream::iter(starts).map(read).buffered(AHEAD).boxed()
    }

    /// The bytes of `range`, as they come. What fails on the way cuts the answer off.
    pub(super) async fn body(&self, range: Range<u64>) -> Result<Body, BucketError> {
        if range.is_empty() {
            return Ok(Body::empty());
        }
        if let Some(whole) = &self.whole {
            let stored = self.bucket.stream_blob_range(&whole.blob, range).await?;
            return Ok(stored.map_or_else(Body::empty, |stored| Body::from_stream(stored.bytes)));
        }
        Ok(Body::from_stream(self.bytes(range)))
    }

    /// The same as a stream.
    pub(super) fn bytes(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let until = range.end;
        self.pieces(range.start)
            .try_take_while(move |piece| futures::future::ok(piece.offset < until))
            .map_ok(move |piece| {
                let room = usize::try_from(until - piece.offset).unwrap_or(usize::MAX);
                piece.bytes.slice(..piece.bytes.len().min(room))
            })
            .map_err(io::Error::other)
            .boxed()
    }
}

async fn whole(bucket: &Bucket, blob: &BlobId) -> Result<Option<Whole>, BucketError> {
    let size = bucket.blob_size(blob).await?;
    Ok(size.map(|size| Whole {
        blob: blob.clone(),
        size,
    }))
}

fn one_by_one(source: Source, from: u64) -> Pieces {
    stream::try_unfold((source, from), |(source, from)| async move {
        let piece = source.read(from, PIECE).await?;
        let next = (source, piece.next);
        Ok((!piece.bytes.is_empty()).then_some((piece, next)))
    })
    .boxed()
}
