//! Windows: names are UTF-16, which clients write as UTF-8.

use std::ffi::OsString;

/// The text; what is no UTF-8 becomes U+FFFD, and so a name that nothing has.
#[must_use]
pub fn os(bytes: impl Into<Vec<u8>>) -> OsString {
    String::from_utf8_lossy(&bytes.into()).into_owned().into()
}
