//! What does a branch want built?

use farm_model::config::{FarmConfig, Repository};
use farm_model::id::{BuilderName, RepoName};
use farm_model::record::{Branch, BuildKey, BuildKind};

/// A build that is wanted, and how many commits it lies behind its branch's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What to build.
    pub key: BuildKey,
    /// 0 for the head.
    pub behind: u32,
}

/// Every build that `branch`, as observed, wants under `config`: its newest `history` commits on each of the
/// repository's builders. Order: newest commit first, builders by name.
#[must_use]
pub fn plan(config: &FarmConfig, branch: &Branch) -> Vec<Wanted> {
    let Some(repository) = config.repositories.get(&branch.repo) else {
        return Vec::new();
    };
    let commits = branch.commits.iter().take(repository.history as usize);
    let mut wanted = Vec::new();
    for (behind, commit) in (0..).zip(commits) {
        for builder in &repository.builders {
            let key = BuildKey {
                builder: builder.clone(),
                repo: branch.repo.clone(),
                commit: commit.id.clone(),
                branch: branch.name.clone(),
                kind: BuildKind::PostSubmit,
                against: None,
            };
            wanted.push(Wanted { key, behind });
        }
    }
    wanted
}

/// The columns of a repository's grid.
#[must_use]
pub fn columns(config: &FarmConfig, repo: &RepoName) -> Vec<BuilderName> {
    config
        .repositories
        .get(repo)
        .map(|repository| repository.builders.clone())
        .unwrap_or_default()
}

/// The repository that the outside calls `name` in events of `source`.
#[must_use]
pub fn repository_of<'a>(
    config: &'a FarmConfig,
    source: &str,
    name: &str,
) -> Option<(&'a RepoName, &'a Repository)> {
    config.repositories.iter().find(|(_, repository)| {
        let outside = if source == "gerrit" {
            &repository.gerrit
        } else {
            &repository.github
        };
        outside.as_deref() == Some(name)
    })
}
