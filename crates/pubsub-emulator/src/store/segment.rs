//! One file of the log: a head, then frames.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Begins every segment; the last byte is the version of the format.
const MAGIC: [u8; 8] = *b"FARMPSL\x01";
/// Magic, then the first sequence number that is certainly not used before this segment.
pub(super) const HEAD: usize = 16;

/// A segment on disk, read at random while it exists.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub number: u32,
    path: PathBuf,
    /// Opened at the first read, and then kept: a reader is not disturbed by the deletion.
    reader: Mutex<Option<std::sync::Arc<File>>>,
}

impl SegmentFile {
    pub fn new(folder: &Path, number: u32) -> Self {
        Self {
            number,
            path: folder.join(format!("{number:012}.seg")),
            reader: Mutex::new(None),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the file with its head, durably, name included.
    pub(super) fn create(&self, next_seq: u64) -> io::Result<File> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&next_seq.to_le_bytes());
        file.write_all(&head)?;
        file.sync_all()?;
        sync_folder(&self.path)?;
        Ok(file)
    }

    /// Reads the payload at `offset`.
    pub fn read(&self, offset: u32, length: u32) -> io::Result<Vec<u8>> {
        let file = self.reader()?;
        let mut payload = vec![0; length as usize];
        file.read_exact_at(&mut payload, offset.into())?;
        Ok(payload)
    }

    fn reader(&self) -> io::Result<std::sync::Arc<File>> {
        let mut reader = self.reader.lock();
        if let Some(file) = &*reader {
            return Ok(std::sync::Arc::clone(file));
        }
        let file = std::sync::Arc::new(File::open(&self.path)?);
        *reader = Some(std::sync::Arc::clone(&file));
        Ok(file)
    }
}

/// The next sequence number that a segment's head tells; `None` if the head is not whole.
pub(super) fn read_head(bytes: &[u8]) -> Option<u64> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    Some(u64::from_le_bytes(rest.get(..8)?.try_into().ok()?))
}

/// The numbers of the segments in a folder, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u32> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".seg"))
            .and_then(|digits| digits.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes the creation, renaming or removal of `path` durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
