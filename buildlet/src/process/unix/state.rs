//! How processes end, in the words of Go's `os` package (`buildlet.md` 5.4).

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;

use crate::process::Cause;

/// The value of `Process-State`.
#[must_use]
pub fn process_state(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ok".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => {
            let dumped = if status.core_dumped() {
                " (core dumped)"
            } else {
                ""
            };
            format!("signal: {}{dumped}", signal_text(signal))
        }
        (None, None) => "exit status unknown".to_owned(),
    }
}

/// Names of signals as Go has them for Linux.
fn signal_text(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        24 => "CPU time limit exceeded",
        25 => "file size limit exceeded",
        31 => "bad system call",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// An error of the system in lower case, without its number.
pub fn error_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => match Errno::from_raw(number) {
            Errno::ENOEXEC => "exec format error".to_owned(),
            errno => errno.desc().to_lowercase(),
        },
        None => error.to_string(),
    }
}

/// What an error of starting says of the program; `None` if it is the machine that lacks something.
pub fn cause(error: &io::Error) -> Option<Cause> {
    use Errno::{EAGAIN, EMFILE, ENFILE, ENOMEM, EPIPE, ESRCH};
    match error.raw_os_error().map(Errno::from_raw)? {
        EAGAIN | EMFILE | ENFILE | ENOMEM | EPIPE | ESRCH => None,
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => Some(Cause::NotFound),
        Errno::EACCES | Errno::EPERM => Some(Cause::Permission),
        _ => Some(Cause::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_worded_as_in_2019() {
        let state = |raw| process_state(ExitStatus::from_raw(raw));
        assert_eq!(state(0), "ok");
        assert_eq!(state(3 << 8), "exit status 3");
        assert_eq!(state(9), "signal: killed");
        assert_eq!(state(6 | 0x80), "signal: aborted (core dumped)");
        assert_eq!(state(40), "signal: signal 40");
        assert_eq!(
            error_text(&io::Error::from_raw_os_error(2)),
            "no such file or directory"
        );
        assert_eq!(
            error_text(&io::Error::from_raw_os_error(13)),
            "permission denied"
        );
    }
}
