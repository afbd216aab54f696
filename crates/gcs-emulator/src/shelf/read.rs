//! Reading what was kept, as it is sent.

use std::io;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use super::Body;

/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// Bytes on their way.
pub type Content = BoxStream<'static, io::Result<Bytes>>;

impl Body {
    /// These bytes of it; none if it was removed meanwhile.
    pub async fn read(&self, range: Range<u64>) -> io::Result<Option<Content>> {
        match self {
            Self::File(path) => match from_file(path, range).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                read => read.map(Some),
            },
            Self::Memory(pieces, held) => {
                let pieces = cut(pieces, range);
                // Room is given back once the last reader has done.
                let held = held.clone();
                let pieces = stream::iter(pieces).map(move |piece| {
                    let _ = &held;
                    Ok(piece)
                });
                Ok(Some(pieces.boxed()))
            }
        }
    }
}

async fn from_file(path: &Path, range: Range<u64>) -> io::Result<Content> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let part = file.take(range.end.saturating_sub(range.start));
    Ok(ReaderStream::with_capacity(part, PIECE).boxed())
}

/// The pieces of the range; none is copied.
fn cut(pieces: &[Bytes], range: Range<u64>) -> Vec<Bytes> {
    let mut at = 0;
    let mut found = Vec::new();
    for piece in pieces {
        let end = at + piece.len() as u64;
        let (from, to) = (range.start.max(at), range.end.min(end));
        if from < to {
            found.push(piece.slice((from - at) as usize..(to - at) as usize));
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_out_of_its_pieces() {
        let pieces = ["ab", "", "cde", "f"].map(Bytes::from);
        for (range, expected) in [(0..6, "abcdef"), (1..4, "bcd"), (2..5, "cde"), (5..6, "f")] {
            assert_eq!(cut(&pieces, range).concat(), expected.as_bytes());
        }
        assert!(cut(&pieces, 3..3).is_empty());
    }
}
