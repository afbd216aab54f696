//! Which file a command's name means (`buildlet.md` 5.2).

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use system::{file, is_bare, program};
