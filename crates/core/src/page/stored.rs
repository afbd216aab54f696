//! What documents need of the store: what they show and is not in memory any more.

use std::collections::BTreeMap;
use std::ops::Range;

use farm_model::id::{BuildId, CommitId, RepoName};
use farm_model::record::{Branch, Build, CommitInfo, Run};
use farm_model::view::SHEET_ROWS;

use super::line::Shown;
use crate::effects::ViewKey;
use crate::farm::Farm;

/// What has to be read for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// Commits of a branch with these numbers, and their builds.
    Numbers {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
        /// The numbers.
        numbers: Range<u64>,
    },
    /// A commit, where it stands, and its builds.
    Commit {
        /// The repository.
        repo: RepoName,
        /// The commit.
        commit: CommitId,
    },
    /// One build with its runs.
    Build(BuildId),
    /// Which commits have these numbers, and which builds they have.
    Below {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
        /// The numbers.
        numbers: Range<u64>,
    },
}

/// What the store has of it.
#[derive(Debug, Default)]
pub struct Stored {
    /// Commits by their numbers.
    pub numbers: BTreeMap<u64, CommitInfo>,
    /// A commit, with the branches that have it and its number on each.
    pub commit: Option<(CommitInfo, Vec<(String, u64)>)>,
    /// How builds stand.
    pub shown: Vec<Shown>,
    /// A build with its runs.
    pub build: Option<(Build, Vec<Run>)>,
    /// Documents of commits and builds.
    pub below: Vec<ViewKey>,
}

/// What `key` needs beside what is in memory; none where that is all.
#[must_use]
pub fn wants(farm: &Farm, key: &ViewKey) -> Option<Wants> {
    match key {
        ViewKey::Sheet {
            repo,
            branch,
            sheet,
        } => {
            let numbers = numbers_of(*sheet).start..oldest(farm.branch(repo, branch)?);
            let numbers = numbers.start..numbers.end.min(numbers_of(*sheet).end);
            let (repo, branch) = (repo.clone(), branch.clone());
            (!numbers.is_empty()).then_some(Wants::Numbers {
                repo,
                branch,
                numbers,
            })
        }
        ViewKey::Below {
            repo,
            branch,
            sheet,
        } => {
            farm.branch(repo, branch)?;
            Some(Wants::Below {
                repo: repo.clone(),
                branch: branch.clone(),
                numbers: numbers_of(*sheet),
            })
        }
        ViewKey::Commit { repo, commit } => {
            let is_all =
                |branch: &Branch| oldest(branch) == 0 || branch.number_of(commit).is_some();
            let mut branches = farm.branches().filter(|branch| branch.repo == *repo);
            (!branches.all(is_all)).then(|| wanted(repo, commit))
        }
        ViewKey::Set { repo, commit, .. } => {
            let mut builds = farm.builds_of(commit);
            let known = builds.any(|build| ViewKey::of_set(build).as_ref() == Some(key));
            (!known).then(|| wanted(repo, commit))
        }
        ViewKey::Build { id } => farm.build(id).is_none().then(|| Wants::Build(id.clone())),
        _ => None,
    }
}

fn wanted(repo: &RepoName, commit: &CommitId) -> Wants {
    Wants::Commit {
        repo: repo.clone(),
        commit: commit.clone(),
    }
}

/// The numbers that a sheet is for.
pub(super) fn numbers_of(sheet: u64) -> Range<u64> {
    let start = sheet.saturating_mul(SHEET_ROWS);
    start..start.saturating_add(SHEET_ROWS)
}

/// The lowest number that a branch holds itself.
pub(super) fn oldest(branch: &Branch) -> u64 {
    branch.total.saturating_sub(branch.commits.len() as u64)
}
