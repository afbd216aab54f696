//! What is moved.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use farm_archive::{Dir, Limits, create_members, extract};
use tempfile::TempDir;

/// Archives, ready to be sent.
pub struct Trees {
    /// A real tree.
    pub large: Archive,
    /// Many files of little.
    pub small: Archive,
}

/// A gzipped tar archive and what is in it.
pub struct Archive {
    pub bytes: Bytes,
    /// Of its files.
    pub content: u64,
    pub entries: u64,
}

impl Trees {
    /// Packs `tree`, or one that is made up in `scratch`, and `files` small files.
    pub fn make(tree: Option<&Path>, files: u32, scratch: &Path) -> Self {
        let made = tempfile::tempdir_in(scratch).unwrap();
        let large = match tree {
            Some(tree) => pack(tree, scratch),
            None => {
                let folder = made.path().join("large");
                make_up(&folder, 4000, 24_000);
                pack(&folder, scratch)
            }
        };
        let folder = made.path().join("small");
        make_up(&folder, files, 100);
        let small = pack(&folder, scratch);
        Self { large, small }
    }

    pub fn summary(&self) -> String {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        format!(
            "{:.1} MB in {} entries ({:.1} MB packed); {} small files of {:.1} MB",
            mb(self.large.content),
            self.large.entries,
            mb(self.large.bytes.len() as u64),
            self.small.entries,
            mb(self.small.content)
        )
    }
}

fn pack(tree: &Path, scratch: &Path) -> Archive {
    let bytes = create_members(&Dir::open(tree).unwrap(), Vec::new()).unwrap();
    let counted: TempDir = tempfile::tempdir_in(scratch).unwrap();
    let into = Dir::open(counted.path()).unwrap();
    let done = extract(&bytes[..], &into, &Limits::default(), SystemTime::now()).unwrap();
    Archive {
        bytes: bytes.into(),
        content: done.bytes,
        entries: done.entries,
    }
}

/// Text that compresses about as source code does: words of a small vocabulary, chosen by a fixed sequence.
fn make_up(folder: &Path, files: u32, length: usize) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<String> = (0..4000)
        .map(|_| format!("{:x}", next() >> (24 + next() % 32)))
        .collect();
    for number in 0..files {
        let directory = folder.join(format!("d{}/e{}", number % 7, number % 60));
        std::fs::create_dir_all(&directory).unwrap();
        let mut text = String::with_capacity(length + 20);
        while text.len() < length {
            // The square root makes some words more frequent than others.
            let at = (next() % 16_000_000).isqrt() as usize;
            text.push_str(&words[at]);
            text.push(if next() % 9 == 0 { '\n' } else { ' ' });
        }
        text.truncate(length);
        std::fs::write(directory.join(format!("f{number}.txt")), text).unwrap();
    }
}
