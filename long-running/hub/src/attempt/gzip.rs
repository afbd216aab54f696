//! Gzip as it is read: no more than a piece of the archive is ever held.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{Stream, stream};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Read at once; level 1 compresses it in well under a millisecond.
const PIECE: usize = 64 << 10;

/// The network is close and the machine's processor slow: quick rather than small.
const LEVEL: Compression = Compression::fast();

/// `plain`, compressed.
pub fn gzip(plain: impl AsyncRead + Unpin + Send) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let encoder = GzEncoder::new(Vec::with_capacity(PIECE), LEVEL);
    let piece = BytesMut::with_capacity(PIECE);
    stream::try_unfold(
        (plain, piece, Some(encoder)),
        |(mut plain, mut piece, encoder)| async {
            let Some(mut encoder) = encoder else {
                return Ok(None);
            };
            // The header alone, or a piece that is all in the encoder yet, is no output.
            while encoder.get_ref().len() < PIECE / 2 {
                piece.clear();
                piece.reserve(PIECE);
                if plain.read_buf(&mut piece).await? == 0 {
                    let rest = encoder.finish()?;
                    return Ok(Some((Bytes::from(rest), (plain, piece, None))));
                }
                encoder.write_all(&piece)?;
            }
            let output = std::mem::take(encoder.get_mut());
            Ok(Some((Bytes::from(output), (plain, piece, Some(encoder)))))
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_comes_out_is_what_went_in() {
        for size in [0, 1, PIECE, 3_000_000] {
            let plain: Vec<u8> = (0..size).map(|i: usize| (i * i / 7 % 251) as u8).collect();
            let pieces: Vec<Bytes> = gzip(&plain[..]).try_collect().await.unwrap();
            assert!(pieces.iter().all(|piece| piece.len() <= 3 * PIECE));
            let mut back = Vec::new();
            GzDecoder::new(&pieces.concat()[..])
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == plain, "{size}");
        }
    }

    #[tokio::test]
    async fn an_error_of_the_source_ends_it() {
        let broken = tokio_util::io::StreamReader::new(stream::iter([
            Ok(Bytes::from_static(b"abc")),
            Err(io::Error::other("git died")),
        ]));
        let end: io::Result<Vec<Bytes>> = gzip(Box::pin(broken)).try_collect().await;
        assert_eq!(end.unwrap_err().to_string(), "git died");
    }
}
