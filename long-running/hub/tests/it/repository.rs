//! A small git repository to build from.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub struct Repository {
    folder: TempDir,
    pub commit: String,
}

impl Repository {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir(path.join("sub")).unwrap();
        std::fs::write(path.join("hello.txt"), "hello from the source\n").unwrap();
        std::fs::write(path.join("sub/deep.txt"), "deep\n").unwrap();
        git(path, &["init", "-q", "-b", "main"]);
        git(path, &["add", "."]);
        git(path, &["commit", "-q", "-m", "first"]);
        let commit = git(path, &["rev-parse", "HEAD"]);
        Self { folder, commit }
    }

    pub fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let output = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(who)
        .args(args)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
