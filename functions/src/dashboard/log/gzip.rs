//! A log as a gzip file, compressed as it is read.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

/// Bytes that are compressed in one go: a few milliseconds.
const SLICE: usize = 128 << 10;

/// The stream in gzip's form; it ends where `bytes` does, and is cut off where that fails.
pub(super) fn gzip(
    bytes: BoxStream<'static, io::Result<Bytes>>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let slices = bytes.map_ok(slices).try_flatten();
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    stream::try_unfold((slices.boxed(), Some(encoder)), next).boxed()
}

type State = (
    BoxStream<'static, io::Result<Bytes>>,
    Option<GzEncoder<Vec<u8>>>,
);

/// The next bytes that the encoder gives out; its end after the last of what goes in.
async fn next((mut slices, encoder): State) -> io::Result<Option<(Bytes, State)>> {
    let Some(mut encoder) = encoder else {
        return Ok(None);
    };
    while let Some(slice) = slices.try_next().await? {
        encoder.write_all(&slice)?;
        let out = std::mem::take(encoder.get_mut());
        if !out.is_empty() {
            return Ok(Some((out.into(), (slices, Some(encoder)))));
        }
        // Other requests have their turn, however fast the bucket is.
        tokio::task::yield_now().await;
    }
    Ok(Some((encoder.finish()?.into(), (slices, None))))
}

fn slices(bytes: Bytes) -> impl futures::Stream<Item = io::Result<Bytes>> + Send {
    let starts = (0..bytes.len()).step_by(SLICE);
    stream::iter(starts.map(move |from| Ok(bytes.slice(from..bytes.len().min(from + SLICE)))))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn what_comes_out_is_what_went_in() {
        let text: Vec<u8> = (0..3_000_000u32)
            .map(|n| (n.wrapping_mul(n) % 251) as u8)
            .collect();
        let pieces = text.chunks(1_000_001).map(Bytes::copy_from_slice).map(Ok);
        let pieces: Vec<io::Result<Bytes>> = pieces.collect();
        let packed: Vec<Bytes> = gzip(stream::iter(pieces).boxed())
            .try_collect()
            .await
            .unwrap();
        let mut found = Vec::new();
        let packed = packed.concat();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut found)
            .unwrap();
        assert!(found == text);
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_read_is_cut_off() {
        let pieces = [Ok(Bytes::from_static(b"a")), Err(io::Error::other("gone"))];
        let packed: Result<Vec<Bytes>, _> = gzip(stream::iter(pieces).boxed()).try_collect().await;
        assert_eq!(packed.unwrap_err().to_string(), "gone");
    }
}
