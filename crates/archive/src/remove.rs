//! Removing (`buildlet.md` 4.7), read-only directories included.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dir::{Kind, MAX_DEPTH};
use crate::name::components;
use crate::{Dir, Error};

/// Makes names of what was too deep differ within this process.
static ASIDE: AtomicU64 = AtomicU64::new(0);

/// Removes `paths` below `root`. All are checked before the first is removed; missing ones are fine. `.` removes `root`
/// itself, or only empties it where it cannot be removed (a mount point). Directories nested deeper than 500 are renamed
/// into `root` on the way, under names that begin with `.removing-`.
///
/// # Errors
/// [`Error::Malformed`] for a bad path, [`Error::Local`] for the first that cannot be removed; later ones are untouched.
pub fn remove<P: AsRef<[u8]>>(root: &Path, paths: &[P]) -> Result<(), Error> {
    let bad = |path: &[u8]| {
        Error::Malformed(format!(
            "bad 'path' parameter: {:?}",
            String::from_utf8_lossy(path)
        ))
    };
    let checked = paths
        .iter()
        .map(|path| components(path.as_ref()).ok_or_else(|| bad(path.as_ref())));
    let checked: Vec<_> = checked.collect::<Result<_, _>>()?;
    for (path, parts) in paths.iter().zip(checked) {
        let dir = match Dir::open(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(Error::local("open", root.as_os_str().as_encoded_bytes()))?,
        };
        match parts.split_last() {
            None => whole(root, &dir).map_err(Error::local("remove", path.as_ref()))?,
            Some((name, above)) => match dir.walk(above, false) {
                Ok(parent) => Removal::below(&dir)
                    .all(&parent, name)
                    .map_err(Error::local("remove", path.as_ref()))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::local("remove", path.as_ref())(error)),
            },
        }
    }
    Ok(())
}

fn whole(root: &Path, dir: &Dir) -> io::Result<()> {
    for name in dir.names()? {
        Removal::below(dir).all(dir, &name)?;
    }
    match std::fs::remove_dir(root) {
        Err(_) if dir.names()?.is_empty() => Ok(()),
        removed => removed,
    }
}

/// A removal under way.
struct Removal<'a> {
    top: &'a Dir,
    /// Names in `top` of what was too deep where it was.
    aside: Vec<Vec<u8>>,
}

impl<'a> Removal<'a> {
    fn below(top: &'a Dir) -> Self {
        Self {
            top,
            aside: Vec::new(),
        }
    }

    /// Removes `name` in `parent`, however deep it is.
    fn all(&mut self, parent: &Dir, name: &[u8]) -> io::Result<()> {
        self.entry(parent, name, 0)?;
        while let Some(name) = self.aside.pop() {
            self.entry(self.top, &name, 0)?;
        }
        Ok(())
    }

    fn entry(&mut self, parent: &Dir, name: &[u8], depth: usize) -> io::Result<()> {
        match parent.unlink(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // Of a directory Linux says the one, others the other.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied
                ) =>
            {
                match parent.kind(name)? {
                    Some(Kind::Dir) => self.directory(parent, name, depth),
                    _ => retry(parent, || parent.unlink(name)),
                }
            }
            other => other,
        }
    }

    fn directory(&mut self, parent: &Dir, name: &[u8], depth: usize) -> io::Result<()> {
        if depth >= MAX_DEPTH {
            return self.put_aside(parent, name);
        }
        let dir = open(parent, name)?;
        for below in dir.names()? {
            self.entry(&dir, &below, depth + 1)?;
        }
        // Where an open directory cannot be removed.
        drop(dir);
        retry(parent, || parent.remove_dir(name))
    }

    fn put_aside(&mut self, parent: &Dir, name: &[u8]) -> io::Result<()> {
        // Its entry for its parent changes.
        parent.make_entry_writable(name)?;
        let number = ASIDE.fetch_add(1, Ordering::Relaxed);
        let aside = format!(".removing-{}-{number}", std::process::id()).into_bytes();
        retry(parent, || parent.move_to(name, (self.top, &aside)))?;
        self.aside.push(aside);
        Ok(())
    }
}

/// Opens a directory to be emptied, whatever its mode.
fn open(parent: &Dir, name: &[u8]) -> io::Result<Dir> {
    match parent.enter(name, false) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            parent.make_entry_writable(name)?;
            parent.enter(name, false)
        }
        opened => opened,
    }
}

/// Tries again after making the directory writable, if that was missing.
fn retry(parent: &Dir, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match remove() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            parent.make_writable()?;
            remove()
        }
        removed => removed,
    }
}
