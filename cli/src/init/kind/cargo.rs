//! Rust: `Cargo.toml`.

use super::{Plan, Top};

/// `cargo test`, of all packages, with the committed versions where they are committed.
pub fn plan(top: &Top) -> Option<Plan> {
    if !top.has("Cargo.toml") {
        return None;
    }
    let manifest = top.read("Cargo.toml").unwrap_or_default();
    let test = match (is_workspace(&manifest), top.commits("Cargo.lock")) {
        (true, true) => "cargo test --workspace --locked",
        (true, false) => "cargo test --workspace",
        (false, true) => "cargo test --locked",
        (false, false) => "cargo test",
    };
    Some(Plan {
        builder: "cargo",
        description: "the Rust tests",
        because: "There is a Cargo.toml.",
        steps: vec![("test", test)],
        notes: vec![
            r#"{ name = "format", run = "cargo fmt --all --check" },"#,
            r#"{ name = "lint", run = "cargo clippy --all-targets -- -D warnings" },"#,
        ],
    })
}

/// Without `--workspace`, cargo tests only the package at the top.
fn is_workspace(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim_start);
    lines.any(|line| line.starts_with("[workspace]") || line.starts_with("[workspace."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_says_so() {
        assert!(is_workspace("[package]\nname = \"a\"\n[workspace] # all\n"));
        assert!(is_workspace("[workspace.package]\n"));
        assert!(!is_workspace("[package]\nversion.workspace = true\n"));
    }
}
