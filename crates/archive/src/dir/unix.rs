//! On Unix: the calls that take a directory and a name in it. Sizes, times and inode numbers have 64 bits on every machine.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{FchmodatFlags, fchmodat};
use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, fchmod, fstat, linkat, major, minor, mkdirat, openat,
    readlinkat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Dir, Kind, Stat};

pub(super) type Handle = OwnedFd;

/// Why [`Kind::Other`] is not archived.
pub(crate) const NOT_ARCHIVED: &str = "sockets cannot be archived";
const NEW_DIR: Mode = Mode::from_bits_truncate(0o755);
const NO_LINK: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);
const DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// The directory at `path`, which its operator chose: links are followed.
    ///
    /// # Errors
    /// It is not there or no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, DIR, Mode::empty())?))
    }

    /// Whether both are handles on one directory.
    ///
    /// # Errors
    /// One of them cannot be asked.
    pub fn is_same(&self, other: &Self) -> io::Result<bool> {
        let (one, two) = (fstat(&self.0)?, fstat(&other.0)?);
        Ok((one.st_dev, one.st_ino) == (two.st_dev, two.st_ino))
    }

    pub(crate) fn enter(&self, name: &[u8], make: bool) -> io::Result<Self> {
        let open = || openat(&self.0, name, DIR | NO_LINK, Mode::empty()).map(Self);
        match open() {
            Err(Errno::NOENT) if make => {
                match mkdirat(&self.0, name, NEW_DIR) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(open()?)
            }
            opened => opened.map_err(|error| self.not_entered(name, error.into())),
        }
    }

    /// All names in it, in byte order.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        // The listing opens the directory anew, and has a position of its own.
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Stat {
            kind: kind(FileType::from_raw_mode(stat.st_mode)),
            mode: wide(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: wide(stat.st_mtime),
            user: stat.st_uid,
            group: stat.st_gid,
            device: (major(stat.st_rdev), minor(stat.st_rdev)),
        })
    }

    /// A regular file for reading. A fifo in its place does not block.
    pub(crate) fn read(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | NO_LINK;
        regular(openat(&self.0, name, flags, Mode::empty())?)
    }

    /// A regular file, created with `mode` or truncated keeping its own. A symbolic link in its place is replaced, and so is
    /// a file that has other names.
    pub(crate) fn write(&self, name: &[u8], mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | NO_LINK;
        let open = |more| openat(&self.0, name, flags | more, Mode::from_raw_mode(mode as _));
        // Mostly there is nothing yet, and what was just made needs no second look.
        match open(OFlags::EXCL) {
            Err(Errno::EXIST) => {}
            made => return Ok(File::from(made?)),
        }
        match open(OFlags::empty()) {
            Err(error) if self.kind(name)? != Some(Kind::Symlink) => return Err(error.into()),
            Err(_) => {}
            Ok(opened) => {
                let file = regular(opened)?;
                // What has another name too is not changed through this one: the other may lie outside the tree.
                if file.metadata()?.nlink() == 1 {
                    file.set_len(0)?;
                    return Ok(file);
                }
            }
        }
        self.unlink(name)?;
        regular(open(OFlags::EXCL)?)
    }

    /// A new file that nothing else has.
    pub(crate) fn create_new(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | NO_LINK;
        Ok(openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    pub(crate) fn symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(symlinkat(target, &self.0, name)?)
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// A second name for a file; neither name is followed if it is a symbolic link.
    pub(crate) fn hard_link(&self, name: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        Ok(linkat(&to.0.0, to.1, &self.0, name, AtFlags::empty())?)
    }

    pub(crate) fn move_to(&self, from: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        Ok(renameat(&self.0, from, &to.0.0, to.1)?)
    }

    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(crate) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Gives its owner all rights on it.
    pub(crate) fn make_writable(&self) -> io::Result<()> {
        Ok(fchmod(&self.0, Mode::RWXU)?)
    }

    /// Gives its owner all rights on the directory `name` in it.
    pub(crate) fn make_entry_writable(&self, name: &[u8]) -> io::Result<()> {
        // Linux itself has no such call that stops at links: the C library knows a way.
        Ok(fchmodat(
            &self.0,
            name,
            nix::sys::stat::Mode::S_IRWXU,
            FchmodatFlags::NoFollowSymlink,
        )?)
    }
}

/// Gives an open file exactly `mode`.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, Mode::from_raw_mode(mode as _))?)
}

pub(crate) fn user_name(id: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(id))
        .ok()
        .flatten()
        .map(|user| user.name)
}

pub(crate) fn group_name(id: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(id))
        .ok()
        .flatten()
        .map(|group| group.name)
}

fn kind(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice => Kind::Char,
        FileType::BlockDevice => Kind::Block,
        _ => Kind::Other,
    }
}

fn regular(fd: OwnedFd) -> io::Result<File> {
    let file = File::from(fd);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// Systems differ in how wide their numbers are.
fn wide<T>(number: impl Into<T>) -> T {
    number.into()
}
