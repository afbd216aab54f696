//! Folders and files of a step.

use crate::attempt::Bad;

/// `path`, if it stays in the work dir. The machine sees to that as well; what it would make of another system's paths need
/// not be known.
pub fn inside(path: &str) -> Result<&str, Bad> {
    let outside = |part: &str| part == "..";
    if path.starts_with('/') || path.contains('\\') || path.split('/').any(outside) {
        return Err(Bad::Failed(format!("{path} is not inside the work dir")));
    }
    Ok(path)
}

/// Folders in one another; empty ones do not count.
pub fn joined(folders: &[&str]) -> String {
    let folders = folders.iter().filter(|folder| !folder.is_empty());
    folders.copied().collect::<Vec<_>>().join("/")
}
