//! A repository to be read.

use std::path::{Path, PathBuf};
use std::process::Command;

use farm_model::id::CommitId;

/// When every commit is made, in Unix seconds: long ago.
pub const COMMITTED: i64 = 1_500_000_000;

pub struct Repository {
    pub path: PathBuf,
}

impl Repository {
    pub fn new(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let repository = Self { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub fn commit(&self, subject: &str, file: &str, text: &str) -> CommitId {
        std::fs::write(self.path.join(file), text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(&self.path)
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"])
            .args(["-c", "commit.gpgsign=false"])
            .args(args)
            .env("GIT_COMMITTER_DATE", format!("{COMMITTED} +0000"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// Every file below `folder`, with its size and time of change.
pub fn files(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let (path, data) = entry
                .and_then(|entry| Ok((entry.path(), entry.metadata()?)))
                .unwrap();
            if data.is_dir() {
                folders.push(path);
            } else {
                found.push((path, data.len(), data.modified().unwrap()));
            }
        }
    }
    found.sort();
    found
}
