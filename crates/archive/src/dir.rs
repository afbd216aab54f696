//! Directory handles, from which a tree is walked without ever following a symbolic link. What each system does in its own
//! way is in `unix.rs` and `windows.rs`, which offer the same.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::{NOT_ARCHIVED, group_name, set_mode, user_name};

/// How deep a tree may be that is walked: each level holds a handle and a place on the stack.
pub(crate) const MAX_DEPTH: usize = 500;

/// An open directory. What is reached through it lies in it, whatever happens to its path meanwhile.
#[derive(Debug)]
pub struct Dir(system::Handle);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(windows, expect(dead_code, reason = "Windows has not all of them"))]
pub(crate) enum Kind {
    File,
    Dir,
    Symlink,
    Fifo,
    Char,
    Block,
    Other,
}

/// What is known of a name without opening what it stands for. A symbolic link is not followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub kind: Kind,
    /// Type and permission bits, as Unix has them.
    pub mode: u32,
    /// In bytes.
    pub size: u64,
    /// Whole seconds since 1970.
    pub modified: i64,
    pub user: u32,
    pub group: u32,
    /// Major and minor number, of a device.
    pub device: (u32, u32),
}

impl Dir {
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

    /// `None`: nothing has this name.
    pub(crate) fn kind(&self, name: &[u8]) -> io::Result<Option<Kind>> {
        match self.stat(name) {
            Ok(stat) => Ok(Some(stat.kind)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says of a failed [`Dir::enter`] whether a symbolic link is why: systems differ in what they call it.
    fn not_entered(&self, name: &[u8], error: io::Error) -> io::Error {
        match self.kind(name) {
            Ok(Some(Kind::Symlink)) => io::Error::other("the way leads through a symbolic link"),
            _ => error,
        }
    }
}
