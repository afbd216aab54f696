//! Windows: the ending of a name says what is a program, and may be left away. As Go's `os/exec` has it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Endings that may be left away.
const ENDINGS: &str = "PATHEXT";
const USUAL_ENDINGS: &str = ".COM;.EXE;.BAT;.CMD";

/// Whether a name is looked for in `PATH`. With a drive it is not.
#[must_use]
pub fn is_bare(name: &[u8]) -> bool {
    !name.iter().any(|byte| matches!(byte, b'/' | b'\\' | b':'))
}

/// The program that a file is, if it is one: itself where its name has an ending, else with the first ending for which there
/// is a file.
#[must_use]
pub fn program(file: PathBuf, environment: &Environment) -> Option<PathBuf> {
    if file.extension().is_some() && file.is_file() {
        return Some(file);
    }
    let endings = environment.own(ENDINGS).and_then(OsStr::to_str);
    let mut endings = endings
        .unwrap_or(USUAL_ENDINGS)
        .split(';')
        .filter(|ending| ending.starts_with('.'));
    endings.find_map(|ending| {
        let mut name = file.clone().into_os_string();
        name.push(ending);
        let file = PathBuf::from(name);
        file.is_file().then_some(file)
    })
}

/// What is started for a path, which `dir` is the start of if it is relative. Without a program it stays as it is: starting
/// it says best what is wrong.
#[must_use]
pub fn file(path: &OsStr, dir: &Path, environment: &Environment) -> PathBuf {
    let path = dir.join(path);
    program(path.clone(), environment).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_may_be_left_away_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let environment =
            |endings: &str| Environment::new([("PathExt".into(), endings.into())], folder.path());
        for name in ["a.bat", "a.exe", "b", "c.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        let found = |name: &str, endings| program(at(name), &environment(endings));
        assert_eq!(found("a", ".bat;.exe"), Some(at("a.bat")));
        assert_eq!(found("a", ".exe;.bat"), Some(at("a.exe")));
        assert_eq!(found("a.bat", ".exe"), Some(at("a.bat")));
        assert_eq!(found("c.txt", ".exe"), Some(at("c.txt")));
        assert_eq!(found("b", ".exe"), None, "no ending, no program");
        let there = file(OsStr::new("a"), folder.path(), &environment(".exe"));
        assert_eq!(there, at("a.exe"));
        let missing = file(OsStr::new("none"), folder.path(), &environment(".exe"));
        assert_eq!(missing, at("none"));
    }

    #[test]
    fn only_names_without_a_place_are_bare() {
        assert!(is_bare(b"cmd") && is_bare(b"cmd.exe"));
        for placed in [&b"a/b"[..], br"a\b", b"C:a"] {
            assert!(!is_bare(placed));
        }
    }
}
