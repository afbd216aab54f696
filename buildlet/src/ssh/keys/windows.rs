//! Windows: each folder on the way is held open, so that nobody puts another one, or a link, in its place meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_SHARE_READ, FILE_SHARE_WRITE,
};

use super::{Key, add};

/// Others may use what we hold open, and not remove or rename it.
const HELD: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE;
/// The account of OpenSSH's server, which must be able to read the file.
const SERVER: &str = r"NT SERVICE\sshd:R";

/// Appends the key below `homes`, unless it is there, and lets the server read the file. What is made has the rights that its
/// folder gives.
///
/// # Errors
/// A link is in the way, or the file cannot be written or its rights not set.
pub fn append(homes: &Path, key: &Key) -> io::Result<()> {
    let home = homes.join(&key.user);
    let folder = home.join(".ssh");
    let _held = (enter(&home)?, enter(&folder)?);
    let path = folder.join("authorized_keys");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .append(true)
        .create(true)
        .share_mode(HELD);
    let file = options
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(&path)?;
    refuse_link(&file, &path)?;
    add(&file, key)?;
    drop(file);
    let_in(&path)
}

/// The folder, made if it is missing, held open.
fn enter(folder: &Path) -> io::Result<File> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).share_mode(HELD);
    let held = options
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(folder)?;
    refuse_link(&held, folder)?;
    Ok(held)
}

/// Symbolic links and junctions are reparse points.
fn refuse_link(file: &File, path: &Path) -> io::Result<()> {
    match file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("{} is a link", path.display()))),
    }
}

fn let_in(path: &Path) -> io::Result<()> {
    let mut command = Command::new("icacls");
    command.arg(path).args(["/grant", SERVER]);
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "icacls {}: {status}",
            path.display()
        ))),
    }
}
