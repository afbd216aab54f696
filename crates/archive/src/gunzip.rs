//! The gzip layer: looks at the first bytes itself, so that what is no gzip is told apart from a broken archive.

use std::io::{Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

use crate::Error;

/// RFC 1952: magic, deflate.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER: usize = 10;

pub(crate) type Gunzip<R> = MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>;

/// Unpacks all gzip members of `source`.
pub(crate) fn gunzip<R: Read>(mut source: R) -> Result<Gunzip<R>, Error> {
    let not_gzip = |why: &str| Error::Malformed(format!("requires gzip-compressed body: {why}"));
    let mut header = Vec::with_capacity(HEADER);
    let read = source.by_ref().take(HEADER as u64).read_to_end(&mut header);
    read.map_err(|error| not_gzip(&error.to_string()))?;
    match header.len() {
        0 => Err(not_gzip("EOF")),
        length if length < HEADER => Err(not_gzip("unexpected EOF")),
        _ if header[..MAGIC.len()] != MAGIC => Err(not_gzip("gzip: invalid header")),
        _ => Ok(MultiGzDecoder::new(Cursor::new(header).chain(source))),
    }
}
