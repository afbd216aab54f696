//! Unix: the mode says what is a program.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Whether a name is looked for in `PATH`.
#[must_use]
pub fn is_bare(name: &[u8]) -> bool {
    !name.contains(&b'/')
}

/// The program that a file is, if it is one: itself.
#[must_use]
pub fn program(file: PathBuf, _: &Environment) -> Option<PathBuf> {
    let runs = file
        .metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    runs.then_some(file)
}

/// What is started for a path: itself, whatever it is. A relative one is so to the command's own directory.
#[must_use]
pub fn file(path: &OsStr, _: &Path, _: &Environment) -> PathBuf {
    path.into()
}
