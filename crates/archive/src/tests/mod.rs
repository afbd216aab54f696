//! Archives as bytes, good and hostile, against a tree with something outside to lose.

mod hostile;
mod large;
mod listing;
mod removal;
mod round_trip;
#[cfg(windows)]
mod windows;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::*;

const NOW: Duration = Duration::from_secs(1_556_200_000);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// A folder with a work dir and, beside it, a file that nothing may touch.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        std::fs::write(folder.path().join("precious"), "precious").unwrap();
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn extract(&self, archive: &[u8]) -> Result<Extracted, Error> {
        extract(
            archive,
            &Dir::open(&self.work()).unwrap(),
            &Limits::default(),
            now(),
        )
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// Nothing outside the work dir was made, changed or removed.
    fn is_unharmed(&self) {
        let outside = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = outside.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert!(
            names == ["precious", "work"] || names == ["precious"],
            "{names:?}"
        );
        assert_eq!(
            std::fs::read_to_string(self.folder.path().join("precious")).unwrap(),
            "precious"
        );
    }
}

/// Builds archives, hostile ones too.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(1_000_000_000);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, "", content.as_bytes())
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"")
    }

    fn gz(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        gz(&self.0)
    }
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn malformed<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Malformed(text)) => text,
        other => panic!("not refused as malformed: {other:?}"),
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
