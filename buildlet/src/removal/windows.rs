//! Windows: what is open stays, and so do the folders above it. Processes that were killed hold their files a little longer,
//! and virus scanners look at what was just written.

use std::io;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_DIR_NOT_EMPTY, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION,
    ERROR_USER_MAPPED_FILE, WIN32_ERROR,
};

/// Before the second and each further try: six seconds together.
pub(super) const PAUSES: &[Duration] = &[
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(2850),
];
/// What is said of files that are in use, and of folders with such files; the second of ones that are about to go.
const BUSY: [WIN32_ERROR; 5] = [
    ERROR_SHARING_VIOLATION,
    ERROR_ACCESS_DENIED,
    ERROR_DIR_NOT_EMPTY,
    ERROR_LOCK_VIOLATION,
    ERROR_USER_MAPPED_FILE,
];

/// Whether that may be over soon.
pub(super) fn is_busy(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(i32::cast_unsigned);
    number.is_some_and(|number| BUSY.contains(&number))
}
