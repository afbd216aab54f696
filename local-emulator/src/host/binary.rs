//! Whether a program has been built anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the file is looked at: one stat call.
const LOOK: Duration = Duration::from_millis(200);
/// Looks in which the file must stay as it is: a linker writes for a while.
const SETTLED: u32 = 3;

/// A program's file, and as what it was last seen.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    path: PathBuf,
    seen: Option<Print>,
}

/// What tells one build from the next. A new inode is another file, even one written within a tick of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl Binary {
    /// As it is now.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seen: print(path),
        }
    }

    /// Waits until there is another file, whole, at its place. May be dropped and called again.
    pub(super) async fn changed(&mut self) {
        let mut last = self.seen;
        let mut same = 0;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let now = print(&self.path);
            same = if now == last { same + 1 } else { 0 };
            last = now;
            if now.is_some() && now != self.seen && same >= SETTLED {
                self.seen = now;
                return;
            }
        }
    }
}

/// Nothing while there is no such file, or nothing in it.
fn print(path: &Path) -> Option<Print> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    let print = Print {
        modified: found.modified().ok(),
        length: found.len(),
        number,
    };
    (found.is_file() && print.length > 0).then_some(print)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_new_file_counts_once_it_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, "one").unwrap();
        let mut binary = Binary::new(&path);
        let quiet = tokio::time::timeout(LOOK * 20, binary.changed()).await;
        assert!(quiet.is_err(), "nothing has changed");

        // It grows for a while, and then is taken away and put back whole.
        let write = async {
            for length in 4..10 {
                std::fs::write(&path, "x".repeat(length)).unwrap();
                tokio::time::sleep(LOOK * 2).await;
            }
            std::fs::remove_file(&path).unwrap();
            tokio::time::sleep(LOOK * 10).await;
            std::fs::write(&path, "whole").unwrap();
        };
        let length = async {
            binary.changed().await;
            std::fs::metadata(&path).unwrap().len()
        };
        assert_eq!(tokio::join!(write, length).1, 5);
    }
}
