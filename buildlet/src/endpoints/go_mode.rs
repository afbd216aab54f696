//! Go's file modes, in numbers (`/write`) and letters (`/ls`).

/// What a mode of `stat` says of the kind of file, the same on all systems that have such modes.
const FORMAT: u32 = 0o170_000;
const SOCKET: u32 = 0o140_000;
const LINK: u32 = 0o120_000;
const REGULAR: u32 = 0o100_000;
const BLOCK: u32 = 0o060_000;
const DIRECTORY: u32 = 0o040_000;
const CHARACTER: u32 = 0o020_000;
const PIPE: u32 = 0o010_000;

/// Bits that say what kind of file it is.
const KIND: u32 = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
const SET_UID: u32 = 1 << 23;
const SET_GID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;

/// A Go file mode in decimal as Unix bits; `None` if it is none of a regular file.
pub(super) fn unix_mode(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let mode: i64 = std::str::from_utf8(text)
        .ok()
        .filter(|_| digits)?
        .parse()
        .ok()?;
    // Cut to 32 bits, as Go does.
    let mode = (mode & 0xffff_ffff) as u32;
    if mode & KIND != 0 {
        return None;
    }
    let bit = |go, unix| if mode & go != 0 { unix } else { 0 };
    Some(mode & 0o777 | bit(SET_UID, 0o4000) | bit(SET_GID, 0o2000) | bit(STICKY, 0o1000))
}

/// A mode of `stat` in Go's letters: those of the type and of set-id and sticky bits, `-` if there are none, then the
/// permissions.
pub(super) fn letters(mode: u32) -> String {
    let mut text = String::with_capacity(12);
    text.push_str(match mode & FORMAT {
        DIRECTORY => "d",
        LINK => "L",
        BLOCK => "D",
        PIPE => "p",
        SOCKET => "S",
        _ => "",
    });
    let is_char = mode & FORMAT == CHARACTER;
    for (is_so, letters) in [
        (is_char, "D"),
        (mode & 0o4000 != 0, "u"),
        (mode & 0o2000 != 0, "g"),
        (is_char, "c"),
        (mode & 0o1000 != 0, "t"),
    ] {
        if is_so {
            text.push_str(letters);
        }
    }
    if text.is_empty() {
        text.push('-');
    }
    for (at, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if mode & (0o400 >> at) != 0 {
            letter
        } else {
            '-'
        });
    }
    text
}

/// Whether it is one of a regular file.
pub(super) fn is_regular(mode: u32) -> bool {
    mode & FORMAT == REGULAR
}

/// Whether it is one of a directory.
pub(super) fn is_dir(mode: u32) -> bool {
    mode & FORMAT == DIRECTORY
}

#[cfg(test)]
mod tests {
    use super::{letters, unix_mode};

    #[test]
    fn modes_are_decimal_and_of_go() {
        assert_eq!(unix_mode(b"420"), Some(0o644));
        assert_eq!(unix_mode(b"493"), Some(0o755));
        assert_eq!(unix_mode(b"8389101"), Some(0o4755));
        for bad in ["", "0x1ff", "rwx", "-1", "+1", "2147483648", "134217728"] {
            assert_eq!(unix_mode(bad.as_bytes()), None, "{bad:?}");
        }
    }

    /// The examples of the specification, and what it says of their order.
    #[test]
    fn letters_are_those_of_go() {
        for (mode, text) in [
            (0o040_755, "drwxr-xr-x"),
            (0o100_644, "-rw-r--r--"),
            (0o120_777, "Lrwxrwxrwx"),
            (0o010_644, "prw-r--r--"),
            (0o140_755, "Srwxr-xr-x"),
            (0o104_755, "urwxr-xr-x"),
            (0o042_755, "dgrwxr-xr-x"),
            (0o041_777, "dtrwxrwxrwx"),
            (0o060_660, "Drw-rw----"),
            (0o020_666, "Dcrw-rw-rw-"),
            (0o107_000, "ugt---------"),
        ] {
            assert_eq!(letters(mode), text, "{mode:o}");
        }
    }
}
