//! The end of a file: after the content, what it is. A file is whole, since it gets its name once it is on disk; so it needs
//! no second file that could be lost or differ.
//!
//! ```text
//! content | record as JSON | its length, 4 bytes | its CRC-32, 4 bytes | FARMGCS1      (little-endian)
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::meta::Meta;
use crate::names::Place;

const MAGIC: &[u8; 8] = b"FARMGCS1";
/// What follows the record.
const FOOT: u64 = 16;
/// A record has a name and headers.
const LARGEST: u64 = 1 << 20;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An object.
    Object {
        /// Where it is.
        place: Place,
        /// What is known of it.
        meta: Meta,
    },
    /// A part of an upload that lasts.
    Part {
        /// In bytes.
        size: u64,
        /// Of its content.
        digest: Digest,
        /// Microseconds since the Unix epoch.
        modified: u64,
    },
}

impl Record {
    /// The bytes at the end of the file.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let crc = crc32fast::hash(&bytes);
        bytes.extend(length.to_le_bytes());
        bytes.extend(crc.to_le_bytes());
        bytes.extend(MAGIC);
        Ok(bytes)
    }

    fn size(&self) -> u64 {
        match self {
            Self::Object { meta, .. } => meta.size,
            Self::Part { size, .. } => *size,
        }
    }
}

/// Reads the record of a file; `InvalidData` says what is wrong with it.
pub fn read(path: &Path) -> io::Result<Record> {
    let mut file = File::open(path)?;
    let whole = file.metadata()?.len();
    let at = whole
        .checked_sub(FOOT)
        .ok_or_else(|| damaged("is too short"))?;
    file.seek(SeekFrom::Start(at))?;
    let mut foot = [0; FOOT as usize];
    file.read_exact(&mut foot)?;
    let (length, crc) = parse_foot(&foot).ok_or_else(|| damaged("does not end as it should"))?;
    let at = at
        .checked_sub(length)
        .filter(|_| length <= LARGEST)
        .ok_or_else(|| damaged("is too short"))?;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    if crc32fast::hash(&bytes) != crc {
        return Err(damaged("has a wrong checksum"));
    }
    let record: Record = serde_json::from_slice(&bytes)?;
    match record.size() == at {
        true => Ok(record),
        false => Err(damaged("has another size than it says")),
    }
}

fn parse_foot(foot: &[u8]) -> Option<(u64, u32)> {
    let (length, rest) = foot.split_first_chunk()?;
    let (crc, magic) = rest.split_first_chunk()?;
    let good = magic == MAGIC;
    good.then(|| (u32::from_le_bytes(*length).into(), u32::from_le_bytes(*crc)))
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Running;

    #[test]
    fn a_file_that_was_cut_or_changed_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let mut running = Running::new();
        running.update(b"hello");
        let record = Record::Part {
            size: 5,
            digest: running.finish(),
            modified: 7,
        };
        let mut bytes = b"hello".to_vec();
        bytes.extend(record.encode().unwrap());
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap(), record);
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(read(&path).is_err(), "{cut}");
        }
        // The content has checksums of its own.
        for at in 5..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(read(&path).is_err(), "{at}");
        }
    }
}
