//! `authorized_keys` (`buildlet.md` 9.6). The file is never reached through a link below the folder of homes: builds may
//! write in their user's home.

#[cfg(unix)]
#[path = "keys/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "keys/windows.rs"]
mod system;

use std::fs::File;
use std::io::{self, Read, Write};

pub(super) use system::append;

/// The longest file that is looked through, and the longest key.
const MAX_FILE: u64 = 1 << 20;
const MAX_KEY: usize = 16 << 10;
const MAX_USER: usize = 64;

/// A line of `authorized_keys`, and whose.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) user: String,
    line: String,
}

impl Key {
    /// From what a client says.
    ///
    /// # Errors
    /// It is no plain name, or no line.
    pub fn new(user: &str, line: &str) -> io::Result<Self> {
        let bad = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins = user.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins || user.len() > MAX_USER || !user.chars().all(plain) {
            return bad("bad user name");
        }
        if line.is_empty() || line.len() > MAX_KEY || line.chars().any(char::is_control) {
            return bad("bad key");
        }
        Ok(Self {
            user: user.to_owned(),
            line: line.to_owned(),
        })
    }
}

/// Appends the key to its file, unless it is there.
fn add(mut file: &File, key: &Key) -> io::Result<()> {
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    let line = key.line.as_bytes();
    if lines(&text).any(|known| known == line) {
        return Ok(());
    }
    let end: &[u8] = if text.last().is_some_and(|&byte| byte != b'\n') {
        b"\n"
    } else {
        b""
    };
    file.write_all(&[end, line, b"\n"].concat())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_and_keys_of_two_lines_are_refused() {
        for user in ["", ".", "..", "../root", "a/b", "-a", "a b", "a\0"] {
            assert!(Key::new(user, "k").is_err(), "{user:?}");
        }
        for line in ["", "a\nb", "a\0", &"x".repeat(20_000)] {
            assert!(Key::new("gopher", line).is_err());
        }
        for user in ["root", "gopher", "_ci", "a.b-c"] {
            assert!(Key::new(user, "k").is_ok(), "{user:?}");
        }
    }
}
