//! Writing one file (`buildlet.md` 4.4), whole or not at all.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dir::set_mode;
use crate::name::components;
use crate::{Dir, Error};

/// Makes names of unfinished files differ within this process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Writes `content` to the file `name` below `root` with exactly `mode` (permission, set-id and sticky bits), parents made
/// 0755. The file appears, or replaces what was there, when it is complete.
///
/// # Errors
/// [`Error::Malformed`] (`bad path`, or the content breaks off), [`Error::Local`] for the disk.
pub fn write_file(root: &Dir, name: &[u8], mode: u32, mut content: impl Read) -> Result<(), Error> {
    let parts = components(name).unwrap_or_default();
    let (last, above) = parts
        .split_last()
        .ok_or_else(|| Error::Malformed("bad path".to_owned()))?;
    let parent = root
        .walk(above, true)
        .map_err(Error::local("mkdir", name))?;
    let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    let unfinished = format!(".unfinished-{}-{number}", std::process::id()).into_bytes();
    let mut file = parent
        .create_new(&unfinished)
        .map_err(Error::local("create", name))?;
    let written = copy(&mut content, &mut file, name).and_then(|()| {
        let local = || Error::local("write", name);
        set_mode(&file, mode).map_err(local())?;
        parent
            .move_to(&unfinished, (&parent, last))
            .map_err(local())
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = parent.unlink(&unfinished);
    }
    written
}

fn copy(content: &mut impl Read, file: &mut impl Write, name: &[u8]) -> Result<(), Error> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => file
                .write_all(&piece[..length])
                .map_err(Error::local("write", name))?,
            Err(error) => return Err(Error::Malformed(format!("content: {error}"))),
        }
    }
}
