//! Names and arguments, which are bytes on the wire, as this system has them.
//!
//! The way back needs nothing of a system: [`std::ffi::OsStr::as_encoded_bytes`].

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use system::os;
