//! Removing (`buildlet.md` 4.7), read-only directories included.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::name::components;
use crate::{Dir, Error};

/// How deep a tree may be: each level holds a handle.
const MAX_DEPTH: usize = 500;

/// Removes `paths` below `root`. All are checked before the first is removed; missing ones are fine. `.` removes `root`
/// itself, or only empties it where it cannot be removed (a mount point).
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
            opened => opened.map_err(Error::local("open", root.as_os_str().as_bytes()))?,
        };
        match parts.split_last() {
            None => whole(root, &dir).map_err(Error::local("remove", path.as_ref()))?,
            Some((name, above)) => match dir.walk(above, false) {
                Ok(parent) => {
                    entry(&parent, name, 0).map_err(Error::local("remove", path.as_ref()))?
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::local("remove", path.as_ref())(error)),
            },
        }
    }
    Ok(())
}

fn whole(root: &Path, dir: &Dir) -> io::Result<()> {
    content(dir, 0)?;
    match std::fs::remove_dir(root) {
        Err(_) if dir.names()?.is_empty() => Ok(()),
        removed => removed,
    }
}

fn content(dir: &Dir, depth: usize) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("directories nested too deep"));
    }
    for name in dir.names()? {
        entry(dir, name.as_bytes(), depth)?;
    }
    Ok(())
}

fn entry(parent: &Dir, name: &[u8], depth: usize) -> io::Result<()> {
    let removed = retry(parent, || parent.unlink(name));
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Linux says the one, others the other.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied
            ) =>
        {
            if parent.kind(name)? != Some(crate::dir::Kind::Dir) {
                return Err(error);
            }
            content(&open(parent, name)?, depth + 1)?;
            retry(parent, || parent.remove_dir(name))
        }
        other => other,
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
