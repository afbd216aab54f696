//! Putting members into the tree, in their order.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, SystemTime};

use tar::EntryType;

use crate::blocks::Entry;
use crate::chain::Chain;
use crate::dir::Kind;
use crate::folding::Folding;
use crate::name::{components, link_stays_inside};
use crate::{Dir, Error, Extracted, Limits};

/// A file whose content is still coming.
struct Open {
    entry: Entry,
    file: File,
}

/// An extraction under way.
pub(crate) struct Putting<'a> {
    root: &'a Dir,
    limits: &'a Limits,
    now: SystemTime,
    pub done: Extracted,
    chain: Chain<'a>,
    folding: Option<Folding>,
    open: Option<Open>,
}

impl<'a> Putting<'a> {
    pub fn new(root: &'a Dir, limits: &'a Limits, now: SystemTime) -> Self {
        Self {
            root,
            limits,
            now,
            done: Extracted::default(),
            chain: Chain::new(root),
            folding: Folding::of_this_system(),
            open: None,
        }
    }

    /// A member; the content of a file follows by [`Putting::content`] and [`Putting::end`].
    pub fn member(&mut self, entry: Entry) -> Result<(), Error> {
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
        let clashes = |folding: &mut Folding| folding.clashes(&parts);
        if self.folding.as_mut().is_some_and(clashes) {
            return Err(Error::Malformed(format!(
                "tar file contained {:?} beside a name that differs in case alone, which are one here",
                String::from_utf8_lossy(&entry.name)
            )));
        }
        match (entry.kind, parts.split_last()) {
            (EntryType::Directory, _) => self.chain.to(&parts).map(drop).map_err(way(&entry)),
            (_, None) => Err(Error::invalid_name(&entry.name)),
            (EntryType::Regular | EntryType::Continuous, Some((name, above))) => {
                let file = self.file(&entry, above, name)?;
                self.open = Some(Open { entry, file });
                Ok(())
            }
            (EntryType::Link, Some((name, above))) => self.hard_link(&entry, above, name),
            (EntryType::Symlink, Some((name, above))) => self.symlink(&entry, above, name),
            (EntryType::GNUSparse, _) => Err(Error::Malformed(format!(
                "tar error: sparse files are not supported: {:?}",
                String::from_utf8_lossy(&entry.name)
            ))),
            (kind, _) => Err(Error::Malformed(format!(
                "tar file entry {} contained unsupported file type {:?}",
                String::from_utf8_lossy(&entry.name),
                char::from(kind.as_byte()),
            ))),
        }
    }

    fn parent(&mut self, entry: &Entry, above: &[&[u8]]) -> Result<&Dir, Error> {
        self.chain.to(above).map_err(way(entry))
    }

    fn file(&mut self, entry: &Entry, above: &[&[u8]], name: &[u8]) -> Result<File, Error> {
        if entry.size > self.limits.bytes.saturating_sub(self.done.bytes) {
            return Err(Error::Malformed(format!(
                "archive holds more than {} bytes",
                self.limits.bytes
            )));
        }
        let opened = self.parent(entry, above)?.write(name, entry.mode & 0o777);
        opened.map_err(Error::local("write", &entry.name))
    }

    /// More of the open file.
    pub fn content(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let written = open.file.write_all(bytes);
        let failed = written.map_err(Error::local("write", &open.entry.name));
        if failed.is_err() {
            self.abandon();
        }
        failed
    }

    /// The open file is complete.
    pub fn end(&mut self) {
        let Some(Open { entry, file }) = self.open.take() else {
            return;
        };
        self.done.bytes += entry.size;
        let modified = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(entry.mtime))
            .unwrap_or(self.now);
        self.done.times_failed += u64::from(file.set_modified(modified.min(self.now)).is_err());
    }

    /// The rest of the open file does not come: half a file would look like a whole one.
    pub fn abandon(&mut self) {
        let Some(Open { entry, .. }) = self.open.take() else {
            return;
        };
        let parts = components(&entry.name).unwrap_or_default();
        if let Some((name, above)) = parts.split_last() {
            // The error that led here is the one to tell.
            let _ = self.chain.to(above).and_then(|parent| parent.unlink(name));
        }
    }

    /// One that leads out of the tree is left out, as all were in 2019: sources and module caches hold such. On Windows all
    /// are, where making one is a privilege.
    fn symlink(&mut self, entry: &Entry, above: &[&[u8]], name: &[u8]) -> Result<(), Error> {
        if cfg!(windows) || !link_stays_inside(&entry.link, above.len()) {
            self.done.links_left_out += 1;
            return Ok(());
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
