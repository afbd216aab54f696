//! What is known of a file, as Unix would say it.

use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::MetadataExt;
use std::time::SystemTime;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_REPARSE_POINT,
};

use super::super::{Kind, Stat};

pub(super) fn of(metadata: &Metadata) -> io::Result<Stat> {
    let kind = kind(metadata);
    Ok(Stat {
        kind,
        mode: mode(kind, metadata.file_attributes()),
        size: metadata.len(),
        modified: seconds(metadata.modified()?),
        user: 0,
        group: 0,
        device: (0, 0),
    })
}

/// Only if it is one.
pub(super) fn regular(file: File) -> io::Result<File> {
    if kind(&file.metadata()?) == Kind::File {
        Ok(file)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// Links are told apart by what the system says of their kind: junctions are some.
fn kind(metadata: &Metadata) -> Kind {
    if metadata.is_symlink() {
        Kind::Symlink
    } else if is_reparse_point(metadata) {
        Kind::Other
    } else if metadata.file_attributes() & FILE_ATTRIBUTE_DIRECTORY != 0 {
        Kind::Dir
    } else {
        Kind::File
    }
}

/// Whether opening it without care would open something else.
pub(super) fn is_reparse_point(metadata: &Metadata) -> bool {
    metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// As Go has it: read-only or not, directories executable.
fn mode(kind: Kind, attributes: u32) -> u32 {
    let rights = if attributes & FILE_ATTRIBUTE_READONLY != 0 {
        0o444
    } else {
        0o666
    };
    match kind {
        Kind::Dir => 0o040_111 | rights,
        Kind::Symlink => 0o120_000 | rights,
        Kind::Other => 0o140_000 | rights,
        _ => 0o100_000 | rights,
    }
}

fn seconds(time: SystemTime) -> i64 {
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => whole(after.as_secs()),
        Err(before) => -whole(before.duration().as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_before_1970_are_negative() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(seconds(at(1_556_200_000)), 1_556_200_000);
        assert_eq!(seconds(SystemTime::UNIX_EPOCH - Duration::from_secs(5)), -5);
    }
}
