//! Removing what builds left (`buildlet.md` 4.7), as often as the system needs to be asked.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use std::io;
use std::path::Path;

use farm_archive::{Error, remove};
use tokio::task::spawn_blocking;

use system::{PAUSES, is_busy};

/// Removes `paths` below `root`; none if one of them is bad. What is in use is tried again for some seconds where the system
/// does not remove such files.
///
/// # Errors
/// [`farm_archive::remove`]'s.
pub async fn remove_all(root: &Path, paths: Vec<Vec<u8>>) -> Result<(), Error> {
    let mut pauses = PAUSES.iter();
    loop {
        let (root, all) = (root.to_owned(), paths.clone());
        let removed = spawn_blocking(move || remove(&root, &all)).await;
        let removed = removed.unwrap_or_else(|error| {
            Err(Error::Local {
                what: "remove".to_owned(),
                error: io::Error::other(error),
            })
        });
        match (&removed, pauses.next()) {
            (Err(Error::Local { error, .. }), Some(pause)) if is_busy(error) => {
                tokio::time::sleep(*pause).await;
            }
            _ => return removed,
        }
    }
}
