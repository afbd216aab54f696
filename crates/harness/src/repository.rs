//! A git repository to be built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One builder that runs `build.sh` in a shell.
pub const SHELL: &str = r#"
[hosts.bench]
clean = "none"
[builders.shell]
host = "bench"
timeout = "5m"
steps = [{ name = "build", run = "sh build.sh" }]
[repositories.demo]
github = "acme/demo"
"#;

/// A repository of our own.
#[derive(Debug)]
pub struct Repository {
    /// Its root.
    pub path: PathBuf,
}

impl Repository {
    /// With one commit: this `farm.toml` and `build.sh`.
    #[must_use]
    pub fn new(path: &Path, farm_toml: &str, build: &str) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let path = path.canonicalize().unwrap();
        let repository = Self { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.write("farm.toml", farm_toml);
        repository.commit("first", build);
        repository
    }

    /// Writes a file, uncommitted.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path.join(name), text).unwrap();
    }

    /// A commit with another `build.sh`; returns its id.
    pub fn commit(&self, subject: &str, build: &str) -> String {
        self.write("build.sh", build);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        self.head()
    }

    /// The commit of the branch that is checked out.
    #[must_use]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git there, and shows its output.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(&self.path)
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args(["-c", "commit.gpgsign=false"])
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Every file of the repository's git folder with its content: to show that nothing was touched.
    #[must_use]
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path.join(".git")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap();
                    found.push((path, content));
                }
            }
        }
        found.sort();
        found
    }
}
