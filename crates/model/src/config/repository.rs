//! `[repositories]`: what is built.

use serde::{Deserialize, Serialize};

use crate::id::{BuilderName, RepoName};

/// Something to build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repository {
    /// What git reads: a path or URL. None where whoever starts the farm names it (`farm up --repo`).
    pub url: Option<String>,
    /// `owner/repo` in GitHub's events.
    pub github: Option<String>,
    /// The project in Gerrit's events.
    pub gerrit: Option<String>,
    /// Patterns of branches to build (`*` matches any run of characters); empty: the default branch.
    pub branches: Vec<String>,
    /// Which builders build it, as far as their own rules say.
    pub builders: Vec<BuilderName>,
    /// How many commits from each head are wanted; 1 is the head only.
    pub history: u32,
    /// Whether it makes what others are built with, or is built with what another made.
    pub role: Role,
    /// What its packages' import paths begin with; none: `golang.org/x/` and its name.
    pub import_path: Option<String>,
    /// How many of its post-submit builds may run at the same time.
    pub max_at_once: Option<u32>,
}

/// What a repository is to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing.
    #[default]
    Alone,
    /// Others are built with what it makes.
    Main,
    /// It is built with what that main repository makes of its newest commits.
    Against(RepoName),
}

/// Where packages of the Go project's sub-repositories lie.
const SUB_REPOSITORIES: &str = "golang.org/x";

/// What a repository's import paths begin with: what was said, or else as the Go project's sub-repositories have it.
#[must_use]
pub fn import_path(repo: &RepoName, said: Option<&str>) -> String {
    let name = repo.as_str().rsplit('/').next().unwrap_or_default();
    said.map_or_else(|| format!("{SUB_REPOSITORIES}/{name}"), str::to_owned)
}

impl Default for Repository {
    fn default() -> Self {
        Self {
            url: None,
            github: None,
            gerrit: None,
            branches: Vec::new(),
            builders: Vec::new(),
            history: 1,
            role: Role::Alone,
            import_path: None,
            max_at_once: None,
        }
    }
}
