//! Conditional download to a file (`buildlet.md` 10.2): what is there stays until what is new is whole and verified.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::{Answer, Cancel, FetchError, Fetcher, Limits};

/// A SHA-256.
pub type Sum = [u8; 32];

/// Caches on the way are asked to look again.
const FRESH: [(&str, &str); 1] = [("Cache-Control", "no-cache")];
const PIECE: usize = 64 * 1024;

/// What became of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downloaded {
    /// The file is the one that is there.
    Unchanged,
    /// The file is another one now.
    New,
}

/// Why the file is not there, or not the new one.
#[derive(Debug)]
pub enum DownloadError {
    /// It was not fetched.
    Fetch(FetchError),
    /// It could not be kept.
    Local(io::Error),
    /// It is not what it must be.
    OtherSum {
        /// What it must be.
        expected: Sum,
        /// What it is.
        found: Sum,
    },
}

impl std::error::Error for DownloadError {}

impl std::fmt::Display for DownloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fetch(error) => error.fmt(f),
            Self::Local(error) => error.fmt(f),
            Self::OtherSum { expected, found } => write!(
                f,
                "its SHA-256 is {}, and not {} as it must be",
                hex::encode(found),
                hex::encode(expected)
            ),
        }
    }
}

/// Makes `file` what is at `url`, unless it is that already: by its digest if one is `expected`, by size and time otherwise.
/// Blocks.
///
/// # Errors
/// [`DownloadError`]; `file` is as it was then.
pub fn download(
    fetcher: &Fetcher,
    url: &str,
    file: &Path,
    expected: Option<Sum>,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Downloaded, DownloadError> {
    let unchanged = match expected {
        Some(expected) => sum_of(file).is_ok_and(|sum| sum == expected),
        None => fetcher
            .ask(Method::HEAD, url, &FRESH, limits, cancel)
            .is_ok_and(|answer| is_same(&answer, file)),
    };
    if unchanged {
        return Ok(Downloaded::Unchanged);
    }
    let answer = fetcher
        .ask(Method::GET, url, &FRESH, limits, cancel)
        .map_err(DownloadError::Fetch)?;
    let new = beside(file);
    let kept = keep(answer, &new, expected)
        .and_then(|()| std::fs::rename(&new, file).map_err(DownloadError::Local));
    if kept.is_err() {
        drop(std::fs::remove_file(&new));
    }
    kept.map(|()| Downloaded::New)
}

/// The digest of a file.
///
/// # Errors
/// It cannot be read.
pub fn sum_of(file: &Path) -> io::Result<Sum> {
    let mut hash = Sha256::new();
    let mut file = File::open(file)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&piece[..length]),
        }
    }
}

fn is_same(answer: &Answer, file: &Path) -> bool {
    let Ok(found) = file.metadata() else {
        return false;
    };
    let length = answer
        .field("content-length")
        .and_then(|text| text.parse().ok());
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.map(|since| since.as_secs()).ok()
    };
    let theirs = modified(answer).and_then(seconds);
    length == Some(found.len())
        && theirs.is_some()
        && theirs == found.modified().ok().and_then(seconds)
}

fn modified(answer: &Answer) -> Option<SystemTime> {
    httpdate::parse_http_date(answer.field("last-modified")?).ok()
}

fn keep(answer: Answer, new: &Path, expected: Option<Sum>) -> Result<(), DownloadError> {
    // Nobody else's file is written to.
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(DownloadError::Local(error));
        }
        _ => {}
    }
    let mut file = File::create_new(new).map_err(DownloadError::Local)?;
    let time = modified(&answer);
    let found = copy(answer, &mut file)?;
    match expected {
        Some(expected) if expected != found => {
            return Err(DownloadError::OtherSum { expected, found });
        }
        _ => {}
    }
    time.map_or(Ok(()), |time| file.set_modified(time))
        .and_then(|()| file.sync_all())
        .map_err(DownloadError::Local)
}

fn copy(answer: Answer, file: &mut File) -> Result<Sum, DownloadError> {
    let mut hash = Sha256::new();
    let mut body = answer.into_reader();
    let mut piece = vec![0; PIECE];
    loop {
        let length = body
            .read(&mut piece)
            .map_err(|error| DownloadError::Fetch(FetchError::body(error)))?;
        if length == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&piece[..length]);
        file.write_all(&piece[..length])
            .map_err(DownloadError::Local)?;
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".tmp");
    name.into()
}
