//! Windows (`buildlet.md` 2.5 and 9.7): one folder on the first disk, kept as it is. Commands have the system's own folder of
//! temporary files.

use std::io;
use std::path::{Path, PathBuf};

const WORK_DIR: &str = r"C:\workdir";

/// Made by the buildlet inside the work dir, for commands: nothing.
pub(super) const OURS: &[&str] = &[];

/// The one folder, for whatever kind of machine.
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems may not find a place"
)]
pub(super) fn chosen(_: Option<&str>) -> anyhow::Result<PathBuf> {
    Ok(WORK_DIR.into())
}

/// Absolute. Resolved it would begin with `\\?\`, which the command interpreter cannot be in.
///
/// # Errors
/// It is no path.
pub(super) fn real(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}
