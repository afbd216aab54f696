//! A small repository for the first minute: a passing, a failing and a mending commit.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

const FARM_TOML: &str = r#"# One builder: what runs where. `farm check` validates this file.
name = "sample"

[hosts.local]
description = "this computer"
clean = "none"

[builders.shell-test]
host = "local"
description = "the tests of add.sh"
timeout = "1m"
steps = [
    { name = "syntax", run = "sh -n add.sh" },
    { name = "test", run = "sh test.sh" },
]

[repositories.sample]
builders = ["shell-test"]
"#;

const TEST: &str = r#"# Adds two numbers and looks at the sum.
got=$(sh add.sh 2 3)
echo "2 + 3 = $got"
if [ "$got" != 5 ]; then
    echo "FAIL: want 5"
    exit 1
fi
echo "PASS"
"#;

/// One commit: subject and the content of `add.sh`.
const COMMITS: [(&str, &str); 3] = [
    ("add: sum of two numbers", "echo $(($1 + $2))\n"),
    ("add: be clever", "echo $(($1 - $2))\n"),
    ("add: be right again", "echo $(($1 + $2))\n"),
];

/// How many commits the sample has: all of them are built.
pub const HISTORY: u32 = COMMITS.len() as u32;

/// Makes the repository at `path`, unless it is there.
///
/// # Errors
/// git is missing or fails.
pub fn make(path: &Path) -> anyhow::Result<()> {
    if path.join(".git").exists() {
        return Ok(());
    }
    // Whole or not at all: a farm that was killed half-way starts afresh.
    let part = path.with_extension("part");
    if part.exists() {
        std::fs::remove_dir_all(&part)?;
    }
    std::fs::create_dir_all(&part)?;
    git(&part, &["init", "--quiet", "--initial-branch=main"])?;
    std::fs::write(part.join("farm.toml"), FARM_TOML)?;
    std::fs::write(part.join("test.sh"), TEST)?;
    for (subject, add) in COMMITS {
        std::fs::write(part.join("add.sh"), add)?;
        git(&part, &["add", "--all"])?;
        git(&part, &["commit", "--quiet", "--message", subject])?;
    }
    std::fs::rename(&part, path).with_context(|| format!("cannot make {}", path.display()))
}

fn git(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("git")
        .current_dir(dir)
        .args([
            "-c",
            "user.name=Farmhand",
            "-c",
            "user.email=farmhand@localhost",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "core.hooksPath=/dev/null"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git: install it and see that it is in PATH")?;
    if !output.status.success() {
        bail!(
            "git {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_three_commits_and_a_valid_farm_toml() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sample");
        make(&path).unwrap();
        make(&path).unwrap();
        let log = Command::new("git")
            .current_dir(&path)
            .args(["log", "--format=%s"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&log.stdout).lines().count(),
            COMMITS.len()
        );
        farm_model::config::FarmConfig::parse("farm.toml", FARM_TOML).unwrap();
    }
}
