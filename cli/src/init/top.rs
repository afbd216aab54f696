//! The top folder of a repository, as far as a suggestion needs it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is read of a file, in bytes: enough for any that people write.
const LARGEST: u64 = 1 << 20;

/// A folder.
#[derive(Debug)]
pub struct Top {
    dir: PathBuf,
    ignored: String,
}

impl Top {
    /// The folder at `dir`.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            ignored: text(&dir.join(".gitignore")).unwrap_or_default(),
        }
    }

    /// Whether it holds a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.dir.join(name).is_file()
    }

    /// Whether it holds a folder of that name.
    pub fn has_folder(&self, name: &str) -> bool {
        self.dir.join(name).is_dir()
    }

    /// Whether a build will find the file: lock files of libraries are often there and not committed.
    pub fn commits(&self, name: &str) -> bool {
        let mut lines = self.ignored.lines().map(str::trim);
        self.has(name) && !lines.any(|line| line.strip_prefix('/').unwrap_or(line) == name)
    }

    /// The text of a file, if it can be read.
    pub fn read(&self, name: &str) -> Option<String> {
        text(&self.dir.join(name))
    }
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = path.is_file().then(|| File::open(path))?.ok()?;
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_git_ignores_is_not_in_a_build() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cargo.lock"), "").unwrap();
        assert!(Top::new(dir.path()).commits("Cargo.lock"));
        for line in ["Cargo.lock\n", "/target\n/Cargo.lock\n"] {
            std::fs::write(dir.path().join(".gitignore"), line).unwrap();
            let top = Top::new(dir.path());
            assert!(
                top.has("Cargo.lock") && !top.commits("Cargo.lock"),
                "{line}"
            );
        }
    }
}
