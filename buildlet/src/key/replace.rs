//! The file with this machine's key, when the hub gives it a new one.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::Path;

use super::owned;

/// Replaces the key in `path` as a whole: whoever reads the file reads the old key or the new one. The file stays its
/// owner's, and nobody else's. A file that is gone is not made again: whoever removed it wanted no key on the disk.
///
/// # Errors
/// It is gone or no plain file, or it cannot be written or given to its owner; the old key is still there then.
pub fn replace(path: &Path, key: &str) -> io::Result<()> {
    // A link stays one.
    let path = path.canonicalize()?;
    let old = path.metadata()?;
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), old.is_file()) else {
        return Err(io::Error::other("it is no plain file"));
    };
    let mut aside = name.to_owned();
    aside.push(".new");
    let aside = folder.join(aside);
    let written = write_aside(&aside, &old, key).and_then(|()| fs::rename(&aside, &path));
    if written.is_err() {
        drop(fs::remove_file(&aside));
    }
    written?;
    owned::sync_folder(folder)
}

fn write_aside(aside: &Path, old: &Metadata, key: &str) -> io::Result<()> {
    // Of a process that was killed here.
    drop(fs::remove_file(aside));
    let mut file = owned::create(aside, old)?;
    file.write_all(format!("{key}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_replaced_for_its_owner_alone_and_through_a_link() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("key"), folder.path().join("link"));
        fs::write(&file, "old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&file, &link).unwrap();
        // What a killed process left behind is no obstacle.
        fs::write(folder.path().join("key.new"), "half").unwrap();
        let before = file.metadata().unwrap();
        replace(&link, "new").unwrap();
        let after = file.symlink_metadata().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");
        assert_eq!(after.mode() & 0o7777, 0o600);
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(names(folder.path()), ["key", "link"]);
        assert_ne!(after.ino(), before.ino(), "it was replaced as a whole");
    }

    #[cfg(windows)]
    #[test]
    fn a_key_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "old\n").unwrap();
        // What a killed process left behind is no obstacle.
        fs::write(folder.path().join("key.new"), "half").unwrap();
        replace(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");
        assert_eq!(names(folder.path()), ["key"]);
        replace(&file, "newer").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "newer\n");
    }

    #[test]
    fn a_key_that_is_gone_is_not_made_and_a_folder_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let gone = replace(&folder.path().join("key"), "new").unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        fs::create_dir(folder.path().join("key")).unwrap();
        assert!(replace(&folder.path().join("key"), "new").is_err());
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[test]
    fn a_key_that_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "old\n").unwrap();
        // Where the new one would be written there is a folder, which no removal of a file removes.
        fs::create_dir(folder.path().join("key.new")).unwrap();
        replace(&file, "new").unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old\n");
    }
}
