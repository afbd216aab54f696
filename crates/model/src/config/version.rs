//! Versions of Go, as release branches name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of Go without its last part: 1.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GoVersion {
    /// The 1 of 1.12.
    pub major: u16,
    /// The 12 of 1.12; 0 for plain 1.
    pub minor: u16,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of Go: write 1.12")]
pub struct VersionError(String);

/// What a branch is for comparisons: a release, the one where everything comes first, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// `release-branch.go1.12`.
    Release(GoVersion),
    /// `master`: newer than every release.
    Newest,
    /// Another: compares with nothing.
    Other,
}

impl GoVersion {
    /// The release that `branch` is of: `release-branch.go1` or `release-branch.go1.12`, numbers up to 999 without
    /// leading zeros; a name that ends in `.0` is none (spec builders 2.1).
    #[must_use]
    pub fn of_branch(branch: &str) -> Option<Self> {
        branch.strip_prefix("release-branch.go")?.parse().ok()
    }
}

impl FromStr for GoVersion {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.to_owned());
        let (major, minor) = match text.split_once('.') {
            None => (number(text), Some(0)),
            Some((major, minor)) => (number(major), number(minor).filter(|minor| *minor > 0)),
        };
        match (major, minor) {
            (Some(major @ 1..), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(wrong()),
        }
    }
}

/// 0 to 999, without leading zeros.
fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    (digits && !leading).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

impl Line {
    /// What `branch` is.
    #[must_use]
    pub fn of(branch: &str) -> Self {
        if branch == "master" {
            return Self::Newest;
        }
        GoVersion::of_branch(branch).map_or(Self::Other, Self::Release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_branches_have_one_form() {
        let version = |major, minor| Some(GoVersion { major, minor });
        for (branch, want) in [
            ("release-branch.go1", version(1, 0)),
            ("release-branch.go1.2", version(1, 2)),
            ("release-branch.go1.23", version(1, 23)),
            ("release-branch.go1.999", version(1, 999)),
            ("release-branch.go999.998", version(999, 998)),
        ] {
            assert_eq!(GoVersion::of_branch(branch), want, "{branch}");
            assert_eq!(
                GoVersion::of_branch(&format!("release-branch.go{}", want.unwrap())),
                want
            );
        }
        for branch in [
            "",
            "go1.12",
            "release-branch.go",
            "release-branch.go0",
            "release-branch.go01",
            "release-branch.go1.0",
            "release-branch.go1.01",
            "release-branch.go1.",
            "release-branch.go1.1000",
            "release-branch.go1000",
            "release-branch.go1.12.1",
            "release-branch.go1.2.3.4",
            "release-branch.go1.x",
            "release-branch.go-1",
            "release-branch.go+1",
            "release-branch.go 1",
            "release-branch.r59",
            "xrelease-branch.go1.12",
            "dev.release-branch.go1.12",
        ] {
            assert_eq!(GoVersion::of_branch(branch), None, "{branch}");
        }
    }

    #[test]
    fn the_newest_is_no_release() {
        assert_eq!(Line::of("master"), Line::Newest);
        assert_eq!(Line::of("dev.link"), Line::Other);
        assert_ne!(Line::of("release-branch.go1.12"), Line::Other);
    }
}
