//! Unix: by directory handles.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{User, fchown, geteuid};

use super::{Key, add};

const PRIVATE_DIR: Mode = Mode::S_IRWXU;
const PRIVATE_FILE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
const DIR: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// Appends the key below `homes`, unless it is there. What is made is private, and the user's if we may give it away.
pub fn append(homes: &Path, key: &Key) -> io::Result<()> {
    let owner = owner(&key.user)?;
    let homes = openat(AT_FDCWD, homes, DIR, Mode::empty())?;
    let home = enter(&homes, &key.user, owner.as_ref())?;
    let dir = enter(&home, ".ssh", owner.as_ref())?;
    let flags = OFlag::O_RDWR
        | OFlag::O_CREAT
        | OFlag::O_APPEND
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_CLOEXEC;
    let file = File::from(openat(&dir, "authorized_keys", flags, PRIVATE_FILE)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("authorized_keys is no regular file"));
    }
    give(&file, owner.as_ref())?;
    add(&file, key)
}

/// The directory `name` in `parent`, made and given to its owner if it is missing.
fn enter(parent: &OwnedFd, name: &str, owner: Option<&User>) -> io::Result<OwnedFd> {
    let open = || openat(parent, name, DIR | OFlag::O_NOFOLLOW, Mode::empty());
    match open() {
        Err(Errno::ENOENT) => {
            match mkdirat(parent, name, PRIVATE_DIR) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let made = open()?;
            give(&made, owner)?;
            Ok(made)
        }
        opened => Ok(opened?),
    }
}

/// Whom what is made is given to: a user that the system knows, if we may.
fn owner(user: &str) -> io::Result<Option<User>> {
    if geteuid().is_root() {
        Ok(User::from_name(user)?)
    } else {
        Ok(None)
    }
}

fn give(file: impl AsFd, owner: Option<&User>) -> io::Result<()> {
    match owner {
        Some(owner) => Ok(fchown(file, Some(owner.uid), Some(owner.gid))?),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn key(line: &str) -> Key {
        Key::new("gopher", line).unwrap()
    }

    #[test]
    fn a_key_is_appended_once_to_a_private_file() {
        let homes = tempfile::tempdir().unwrap();
        let file = homes.path().join("gopher/.ssh/authorized_keys");
        for line in ["ssh-ed25519 AAAA a", "ssh-rsa BBBB b", "ssh-ed25519 AAAA a"] {
            append(homes.path(), &key(line)).unwrap();
        }
        let text = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(text(), "ssh-ed25519 AAAA a\nssh-rsa BBBB b\n");
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        // Behind a line without an end, and though the key is part of another line.
        std::fs::write(&file, "# ssh-rsa CCCC").unwrap();
        append(homes.path(), &key("ssh-rsa CCCC")).unwrap();
        assert_eq!(text(), "# ssh-rsa CCCC\nssh-rsa CCCC\n");
    }

    #[test]
    fn links_in_a_home_lead_nowhere() {
        let homes = tempfile::tempdir().unwrap();
        let precious = homes.path().join("precious");
        std::fs::create_dir(&precious).unwrap();
        std::fs::create_dir_all(homes.path().join("gopher/.ssh")).unwrap();
        std::fs::write(precious.join("authorized_keys"), "kept").unwrap();
        let link = homes.path().join("gopher/.ssh/authorized_keys");
        symlink(precious.join("authorized_keys"), &link).unwrap();
        assert!(append(homes.path(), &key("k")).is_err());
        std::fs::remove_file(&link).unwrap();
        std::fs::remove_dir(homes.path().join("gopher/.ssh")).unwrap();
        symlink(&precious, homes.path().join("gopher/.ssh")).unwrap();
        assert!(append(homes.path(), &key("k")).is_err());
        let text = std::fs::read_to_string(precious.join("authorized_keys")).unwrap();
        assert_eq!(text, "kept");
    }
}
