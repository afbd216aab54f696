//! Directory handles, from which a tree is walked without ever following a symbolic link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, SFlag, fchmod, fchmodat, fstat, fstatat, mkdirat,
};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

/// How deep a tree may be that is walked: each level holds a handle and a place on the stack.
pub(crate) const MAX_DEPTH: usize = 500;
const NEW_DIR: Mode = Mode::from_bits_truncate(0o755);
const WRITABLE: Mode = Mode::from_bits_truncate(0o700);
const NO_LINK: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC);

/// An open directory. What is reached through it lies in it, whatever happens to its path meanwhile.
#[derive(Debug)]
pub struct Dir(OwnedFd);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Symlink,
    Fifo,
    Char,
    Block,
    Other,
}

impl Dir {
    /// The directory at `path`, which its operator chose: links are followed.
    ///
    /// # Errors
    /// It is not there or no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(openat(AT_FDCWD, path, flags, Mode::empty())?))
    }

    /// The directory `name` below this one, a relative dir by the rules; made with its parents if asked (mode 0755).
    /// `Ok(None)`: the name leads out.
    ///
    /// # Errors
    /// It is not there, or the way leads through a symbolic link.
    pub fn below(&self, name: &[u8], make: bool) -> io::Result<Option<Self>> {
        let Some(parts) = crate::name::clean(name) else {
            return Ok(None);
        };
        self.walk(&parts, make).map(Some)
    }

    /// Whether both are handles on one directory.
    ///
    /// # Errors
    /// One of them cannot be asked.
    pub fn is_same(&self, other: &Self) -> io::Result<bool> {
        let (one, two) = (fstat(&self.0)?, fstat(&other.0)?);
        Ok((one.st_dev, one.st_ino) == (two.st_dev, two.st_ino))
    }

    pub(crate) fn walk(&self, parts: &[&[u8]], make: bool) -> io::Result<Self> {
        let mut at = self.again()?;
        for part in parts {
            at = at.enter(part, make)?;
        }
        Ok(at)
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    pub(crate) fn enter(&self, name: &[u8], make: bool) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | NO_LINK;
        let open = || openat(&self.0, os(name), flags, Mode::empty()).map(Self);
        match open() {
            Err(Errno::ENOENT) if make => {
                match mkdirat(&self.0, os(name), NEW_DIR) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(open()?)
            }
            Err(Errno::ENOTDIR | Errno::ELOOP) if self.kind(name)? == Some(Kind::Symlink) => {
                Err(io::Error::other("the way leads through a symbolic link"))
            }
            opened => Ok(opened?),
        }
    }

    /// All names in it, in byte order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        // The listing has a position of its own.
        let fd = openat(
            &self.0,
            ".",
            OFlag::O_RDONLY | OFlag::O_DIRECTORY | NO_LINK,
            Mode::empty(),
        )?;
        let mut names = Vec::new();
        for entry in nix::dir::Dir::from_fd(fd)?.iter() {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<FileStat> {
        Ok(fstatat(&self.0, os(name), AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// `None`: nothing has this name.
    pub(crate) fn kind(&self, name: &[u8]) -> io::Result<Option<Kind>> {
        match fstatat(&self.0, os(name), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(kind(&stat))),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A regular file for reading. A fifo in its place does not block.
    pub(crate) fn read(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | NO_LINK;
        regular(openat(&self.0, os(name), flags, Mode::empty())?)
    }

    /// A regular file, created with `mode` or truncated keeping its own. A symbolic link in its place is replaced, and so is
    /// a file that has other names.
    pub(crate) fn write(&self, name: &[u8], mode: u32) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK | NO_LINK;
        let open = |more| {
            openat(
                &self.0,
                os(name),
                flags | more,
                Mode::from_bits_truncate(mode as _),
            )
        };
        // Mostly there is nothing yet, and what was just made needs no second look.
        match open(OFlag::O_EXCL) {
            Err(Errno::EEXIST) => {}
            made => return Ok(File::from(made?)),
        }
        match open(OFlag::empty()) {
            Err(Errno::ELOOP) => {}
            opened => {
                let file = regular(opened?)?;
                // What has another name too is not changed through this one: the other may lie outside the tree.
                if file.metadata()?.nlink() == 1 {
                    file.set_len(0)?;
                    return Ok(file);
                }
            }
        }
        self.unlink(name)?;
        regular(open(OFlag::O_EXCL)?)
    }

    /// A new file that nothing else has.
    pub(crate) fn create_new(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | NO_LINK;
        Ok(openat(&self.0, os(name), flags, Mode::from_bits_truncate(0o600))?.into())
    }

    pub(crate) fn symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(symlinkat(os(target), &self.0, os(name))?)
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.0, os(name))?.into_vec())
    }

    /// A second name for a file; neither name is followed if it is a symbolic link.
    pub(crate) fn hard_link(&self, name: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        Ok(linkat(
            &to.0.0,
            os(to.1),
            &self.0,
            os(name),
            AtFlags::empty(),
        )?)
    }

    pub(crate) fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(renameat(&self.0, os(from), &self.0, os(to))?)
    }

    pub(crate) fn move_to(&self, from: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        Ok(renameat(&self.0, os(from), &to.0.0, os(to.1))?)
    }

    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, os(name), UnlinkatFlags::NoRemoveDir)?)
    }

    pub(crate) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, os(name), UnlinkatFlags::RemoveDir)?)
    }

    /// Gives its owner all rights on it.
    pub(crate) fn make_writable(&self) -> io::Result<()> {
        Ok(fchmod(&self.0, WRITABLE)?)
    }

    /// Gives its owner all rights on the directory `name` in it.
    pub(crate) fn make_entry_writable(&self, name: &[u8]) -> io::Result<()> {
        Ok(fchmodat(
            &self.0,
            os(name),
            WRITABLE,
            FchmodatFlags::NoFollowSymlink,
        )?)
    }
}

pub(crate) fn kind(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Dir,
        SFlag::S_IFLNK => Kind::Symlink,
        SFlag::S_IFIFO => Kind::Fifo,
        SFlag::S_IFCHR => Kind::Char,
        SFlag::S_IFBLK => Kind::Block,
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

fn os(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}
