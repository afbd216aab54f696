//! Unpacking (`buildlet.md` 4.3), with links where 2019 lost them.

use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use tar::EntryType;

use crate::blocks::{Blocks, Entry};
use crate::dir::Kind;
use crate::gunzip::gunzip;
use crate::name::{components, link_stays_inside};
use crate::{Dir, Error};

const PIECE: usize = 64 * 1024;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all files together, unpacked.
    pub bytes: u64,
    /// Members.
    pub entries: u64,
    /// Components of a name.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            entries: 5_000_000,
            depth: 256,
        }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Members, directories and links included.
    pub entries: u64,
    /// Of all files together.
    pub bytes: u64,
    /// Files whose modification time could not be set.
    pub times_failed: u64,
}

/// Unpacks the gzipped tar archive `source` into `into`. Modification times after `now` become `now`. What was written
/// before an error stays, but for the file at which it happened.
///
/// # Errors
/// [`Error::Malformed`] for the archive, [`Error::Local`] for the disk.
pub fn extract(
    source: impl Read,
    into: &Dir,
    limits: &Limits,
    now: SystemTime,
) -> Result<Extracted, Error> {
    let mut blocks = Blocks::new(gunzip(source)?);
    let mut extraction = Extraction {
        root: into,
        limits,
        now,
        done: Extracted::default(),
        parent: None,
        piece: vec![0; PIECE],
    };
    while let Some(entry) = blocks.next()? {
        extraction.put(&entry, &mut blocks)?;
    }
    Ok(extraction.done)
}

struct Extraction<'a> {
    root: &'a Dir,
    limits: &'a Limits,
    now: SystemTime,
    done: Extracted,
    /// The last parent and its name: members of one directory follow one another.
    parent: Option<(Vec<u8>, Dir)>,
    piece: Vec<u8>,
}

impl Extraction<'_> {
    fn put(&mut self, entry: &Entry, content: &mut impl Read) -> Result<(), Error> {
        self.done.entries += 1;
        if self.done.entries > self.limits.entries {
            return Err(Error::Malformed(format!(
                "archive has more than {} entries",
                self.limits.entries
            )));
        }
        let parts = components(&entry.name).ok_or_else(|| Error::invalid_name(&entry.name))?;
        if parts.len() > self.limits.depth {
            return Err(Error::invalid_name(&entry.name));
        }
        match (entry.kind, parts.split_last()) {
            (EntryType::Directory, _) => self.root.walk(&parts, true).map(drop).map_err(way(entry)),
            (_, None) => Err(Error::invalid_name(&entry.name)),
            (EntryType::Regular | EntryType::Continuous, Some((name, above))) => {
                self.file(entry, above, name, content)
            }
            (EntryType::Link, Some((name, above))) => self.hard_link(entry, above, name),
            (EntryType::Symlink, Some((name, above))) => self.symlink(entry, above, name),
            (kind, _) => Err(Error::Malformed(format!(
                "tar file entry {} contained unsupported file type {:?}",
                String::from_utf8_lossy(&entry.name),
                char::from(kind.as_byte()),
            ))),
        }
    }

    fn parent(&mut self, entry: &Entry, above: &[&[u8]]) -> Result<&Dir, Error> {
        let name = above.join(&b'/');
        if self.parent.as_ref().is_none_or(|(known, _)| *known != name) {
            let dir = self.root.walk(above, true).map_err(way(entry))?;
            self.parent = Some((name, dir));
        }
        // Just set.
        self.parent
            .as_ref()
            .map(|(_, dir)| dir)
            .ok_or_else(|| Error::invalid_name(&entry.name))
    }

    fn file(
        &mut self,
        entry: &Entry,
        above: &[&[u8]],
        name: &[u8],
        content: &mut impl Read,
    ) -> Result<(), Error> {
        if entry.size > self.limits.bytes.saturating_sub(self.done.bytes) {
            return Err(Error::Malformed(format!(
                "archive holds more than {} bytes",
                self.limits.bytes
            )));
        }
        let mut file = self
            .parent(entry, above)?
            .write(name, entry.mode & 0o777)
            .map_err(Error::local("write", &entry.name))?;
        if let Err(error) = self.fill(&mut file, entry, content) {
            // Half a file would look like a whole one. The first error is the one to tell.
            let _ = self.parent(entry, above)?.unlink(name);
            return Err(error);
        }
        self.done.bytes += entry.size;
        let modified = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(entry.mtime))
            .unwrap_or(self.now);
        self.done.times_failed += u64::from(file.set_modified(modified.min(self.now)).is_err());
        Ok(())
    }

    fn fill(
        &mut self,
        file: &mut std::fs::File,
        entry: &Entry,
        content: &mut impl Read,
    ) -> Result<(), Error> {
        loop {
            let length = content
                .read(&mut self.piece)
                .map_err(|error| Error::tar(&error))?;
            if length == 0 {
                return Ok(());
            }
            file.write_all(&self.piece[..length])
                .map_err(Error::local("write", &entry.name))?;
        }
    }

    fn symlink(&mut self, entry: &Entry, above: &[&[u8]], name: &[u8]) -> Result<(), Error> {
        if !link_stays_inside(&entry.link, above.len()) {
            return Err(Error::Malformed(format!(
                "tar file contained symbolic link {:?} that leads out of the tree: {:?}",
                String::from_utf8_lossy(&entry.name),
                String::from_utf8_lossy(&entry.link),
            )));
        }
        let parent = self.parent(entry, above)?;
        make_room(parent, name, entry)?;
        parent
            .symlink(name, &entry.link)
            .map_err(Error::local("link", &entry.name))
    }

    /// A second name for a file of this tree. Symbolic links are neither followed nor linked.
    fn hard_link(&mut self, entry: &Entry, above: &[&[u8]], name: &[u8]) -> Result<(), Error> {
        let bad = || {
            Error::Malformed(format!(
                "tar file contained hard link {:?} to {:?}, which is no file of the tree",
                String::from_utf8_lossy(&entry.name),
                String::from_utf8_lossy(&entry.link),
            ))
        };
        let target = components(&entry.link).ok_or_else(bad)?;
        let (target_name, target_above) = target.split_last().ok_or_else(bad)?;
        let target_parent = self.root.walk(target_above, false).map_err(|_| bad())?;
        if target_parent.kind(target_name).map_err(|_| bad())? != Some(Kind::File) {
            return Err(bad());
        }
        let same = target_above == above && target_name == &name;
        let parent = self.parent(entry, above)?;
        if same {
            return Ok(());
        }
        make_room(parent, name, entry)?;
        parent
            .hard_link(name, (&target_parent, target_name))
            .map_err(Error::local("link", &entry.name))
    }
}

/// Removes what has the name already, unless it is a directory.
fn make_room(parent: &Dir, name: &[u8], entry: &Entry) -> Result<(), Error> {
    match parent.unlink(name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::local("replace", &entry.name)(error))
        }
        _ => Ok(()),
    }
}

/// The way to a member: a symbolic link on it is the sender's fault, all else ours.
fn way(entry: &Entry) -> impl FnOnce(std::io::Error) -> Error {
    |error| match error.kind() {
        std::io::ErrorKind::Other => Error::Malformed(format!(
            "tar file contained invalid name {:?}: {error}",
            String::from_utf8_lossy(&entry.name)
        )),
        _ => Error::local("mkdir", &entry.name)(error),
    }
}
