//! In what environments differ from system to system (`buildlet.md` 5.5, 5.6 and 9.7).

use std::ffi::OsStr;

/// How a system's environment works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Between the elements of `PATH`.
    pub separator: u8,
    /// `Path` is `PATH`.
    pub ignore_case: bool,
    /// Commands get a `TMPDIR` and a `GOCACHE` in the work dir.
    pub own_folders: bool,
    /// The images have two C compilers, of which one is to be chosen.
    pub two_compilers: bool,
}

impl Rules {
    /// All Unix systems.
    pub const UNIX: Self = Self {
        separator: b':',
        ignore_case: false,
        own_folders: true,
        two_compilers: false,
    };
    /// Windows.
    pub const WINDOWS: Self = Self {
        separator: b';',
        ignore_case: true,
        own_folders: false,
        two_compilers: true,
    };
    /// This system.
    pub const HERE: Self = if cfg!(windows) {
        Self::WINDOWS
    } else {
        Self::UNIX
    };

    /// Whether two names are one variable's.
    #[must_use]
    pub fn is_same(&self, one: &OsStr, two: &str) -> bool {
        if self.ignore_case {
            one.eq_ignore_ascii_case(two)
        } else {
            one == two
        }
    }
}
