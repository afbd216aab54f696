//! How processes end, in the words of Go's `os` package (`buildlet.md` 5.4).

use std::io;
use std::process::ExitStatus;

use windows_sys::Win32::Foundation::{
    ERROR_COMMITMENT_LIMIT, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY,
    ERROR_TOO_MANY_OPEN_FILES, WIN32_ERROR,
};

use crate::process::Cause;

/// Codes from here on are those of the system (`STATUS_ACCESS_VIOLATION`), which are known in hex.
const SYSTEM_CODES: u32 = 1 << 16;
/// What every command needs.
const LACKS: [WIN32_ERROR; 5] = [
    ERROR_COMMITMENT_LIMIT,
    ERROR_NO_SYSTEM_RESOURCES,
    ERROR_NOT_ENOUGH_MEMORY,
    ERROR_OUTOFMEMORY,
    ERROR_TOO_MANY_OPEN_FILES,
];

/// The value of `Process-State`.
#[must_use]
pub fn process_state(status: ExitStatus) -> String {
    match status.code().map(i32::cast_unsigned) {
        Some(0) => "ok".to_owned(),
        Some(code @ SYSTEM_CODES..) => format!("exit status {code:#x}"),
        Some(code) => format!("exit status {code}"),
        None => "exit status unknown".to_owned(),
    }
}

/// The system's own words, without their number and line end.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text
            .trim_end_matches(&format!("(os error {number})"))
            .trim_end()
            .to_owned(),
        None => text,
    }
}

/// What an error of starting says of the program; `None` if it is the machine that lacks something.
pub fn cause(error: &io::Error) -> Option<Cause> {
    match (error.kind(), error.raw_os_error().map(i32::cast_unsigned)) {
        (_, Some(number)) if LACKS.contains(&number) => None,
        (io::ErrorKind::NotFound, _) => Some(Cause::NotFound),
        (io::ErrorKind::PermissionDenied, _) => Some(Cause::Permission),
        // Arguments that no batch file could be given are the library's own error.
        (io::ErrorKind::InvalidInput, _) | (_, Some(_)) => Some(Cause::Invalid),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::windows::process::ExitStatusExt;

    use super::*;

    #[test]
    fn ends_are_worded_as_in_2019() {
        let state = |code| process_state(ExitStatus::from_raw(code));
        assert_eq!(state(0), "ok");
        assert_eq!(state(3), "exit status 3");
        assert_eq!(state(0xffff), "exit status 65535");
        assert_eq!(state(0xc000_0005), "exit status 0xc0000005");
    }

    #[test]
    fn errors_are_told_without_their_number_and_sorted() {
        let missing = io::Error::from_raw_os_error(2);
        assert!(!error_text(&missing).contains("os error"), "{missing}");
        assert_eq!(cause(&missing), Some(Cause::NotFound));
        for (number, found) in [
            (5, Some(Cause::Permission)),
            (8, None),
            // No program at all (ERROR_BAD_EXE_FORMAT).
            (193, Some(Cause::Invalid)),
        ] {
            assert_eq!(cause(&io::Error::from_raw_os_error(number)), found);
        }
        assert_eq!(cause(&io::Error::other("gone")), None);
    }
}
