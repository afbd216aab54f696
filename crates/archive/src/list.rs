//! Listing (`buildlet.md` 4.6): a walk that only reads.

use std::fs::File;
use std::io;

use crate::dir::{Kind, MAX_DEPTH, Stat};
use crate::{Dir, Error};

/// What is left out of a listing.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Directories are entered, not only named.
    pub recursive: bool,
    /// Directories, by names as in [`Found::name`], that are neither named nor entered.
    pub skip: Vec<Vec<u8>>,
}

/// Something in a listed tree.
#[derive(Debug)]
pub struct Found<'a> {
    /// Relative to what is listed, without a final slash; empty if that is no directory.
    pub name: &'a [u8],
    parent: &'a Dir,
    last: &'a [u8],
    stat: Stat,
}

impl Found<'_> {
    /// Type and permission bits, as `stat` has them. A symbolic link has its own.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.stat.mode
    }

    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stat.size
    }

    /// When it was modified, in whole seconds since 1970.
    #[must_use]
    pub fn modified(&self) -> i64 {
        self.stat.modified
    }

    /// Opens the regular file that this is.
    ///
    /// # Errors
    /// It cannot be read, or is none any more.
    pub fn open(&self) -> io::Result<File> {
        self.parent.read(self.last)
    }
}

/// Tells `each` what lies in `name` below `root`, a relative dir by the rules: depth first, names in byte order, the
/// directory itself left out. What is no directory is told alone. Links are not followed; what vanishes meanwhile is
/// left out.
///
/// # Errors
/// [`Error::Malformed`]: the name leads out. [`Error::Local`]: something cannot be read, or `each` failed.
pub fn list(
    root: &Dir,
    name: &[u8],
    listing: &Listing,
    each: &mut dyn FnMut(&Found<'_>) -> io::Result<()>,
) -> Result<(), Error> {
    let parts = crate::name::clean(name).ok_or_else(|| Error::Malformed("bogus dir".to_owned()))?;
    let failed = || Error::local("lstat", name);
    let mut walk = Walk { listing, each };
    let Some((last, above)) = parts.split_last() else {
        return walk.tree(root, &mut Vec::new(), 0);
    };
    let parent = root.walk(above, false).map_err(failed())?;
    let stat = parent.stat(last).map_err(failed())?;
    if stat.kind == Kind::Dir {
        let dir = parent.enter(last, false).map_err(failed())?;
        return walk.tree(&dir, &mut Vec::new(), 0);
    }
    let alone = Found {
        name: b"",
        parent: &parent,
        last,
        stat,
    };
    (walk.each)(&alone).map_err(failed())
}

struct Walk<'a> {
    listing: &'a Listing,
    each: &'a mut dyn FnMut(&Found<'_>) -> io::Result<()>,
}

impl Walk<'_> {
    /// Everything in `dir`, whose name (with a final slash unless empty) is `prefix`.
    fn tree(&mut self, dir: &Dir, prefix: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            let deep = io::Error::other("directories nested too deep");
            return Err(Error::local("list", prefix)(deep));
        }
        for name in dir.names().map_err(Error::local("list", prefix))? {
            let length = prefix.len();
            prefix.extend_from_slice(&name);
            self.entry(dir, &name, prefix, depth)?;
            prefix.truncate(length);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        parent: &Dir,
        last: &[u8],
        name: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let stat = match parent.stat(last) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            stat => stat.map_err(Error::local("lstat", name))?,
        };
        let is_dir = stat.kind == Kind::Dir;
        if is_dir && self.listing.skip.contains(name) {
            return Ok(());
        }
        let found = Found {
            name,
            parent,
            last,
            stat,
        };
        (self.each)(&found).map_err(Error::local("list", name))?;
        if !is_dir || !self.listing.recursive {
            return Ok(());
        }
        match parent.enter(last, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            dir => {
                let dir = dir.map_err(Error::local("open", name))?;
                name.push(b'/');
                self.tree(&dir, name, depth + 1)
            }
        }
    }
}
