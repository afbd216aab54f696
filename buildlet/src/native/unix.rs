//! Unix: bytes are all there is.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The bytes as they are.
#[must_use]
pub fn os(bytes: impl Into<Vec<u8>>) -> OsString {
    OsString::from_vec(bytes.into())
}
