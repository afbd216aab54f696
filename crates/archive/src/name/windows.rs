//! Names that are something else on Windows than what they say ("Naming Files, Paths, and Namespaces" in Microsoft's
//! documentation). Our own calls would take most of them as they are, but no other program would find the files again.

/// Stand for devices, whatever follows behind a dot.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// Do so with a digit behind.
const PORTS: [&str; 2] = ["COM", "LPT"];
const DIGITS: &str = "123456789¹²³";

/// Whether a component is on Windows the name of a file, and of this one alone.
pub(super) fn is_file_name(part: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(part) else {
        return false;
    };
    let plain = |letter: char| letter >= ' ' && !"<>:\"/\\|?*".contains(letter);
    text.chars().all(plain) && !text.ends_with(['.', ' ']) && !is_device(text)
}

fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let port = stem.strip_suffix(|last| DIGITS.contains(last));
    DEVICES.contains(&&*stem) || port.is_some_and(|port| PORTS.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_something_else_are_none() {
        for good in [
            "a", ".git", "a b", "nul_", "console", "com", "com10", "COMA", "lpt¼", "a.nul", "ä~1",
        ] {
            assert!(is_file_name(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "c:",
            "c:a",
            "a:b",
            "a::$DATA",
            "a?",
            "a*",
            "a|b",
            "<",
            "a\"",
            "a\\b",
            "a\tb",
            "\u{1}",
            "a.",
            "a ",
            "...",
            ".. ",
            "nul",
            "NUL.txt",
            "nul .tar.gz",
            "Con",
            "aux.go",
            "prn",
            "com1",
            "LPT9.x",
            "com¹",
            "Lpt³.txt",
            "CONIN$",
            "conout$",
        ] {
            assert!(!is_file_name(bad.as_bytes()), "{bad:?}");
        }
        assert!(!is_file_name(b"\xff"));
    }
}
