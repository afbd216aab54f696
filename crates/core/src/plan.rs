//! What does a branch want built?

pub mod decide;

use std::collections::{BTreeMap, BTreeSet};

use farm_model::config::{FarmConfig, GoVersion, Recipe, Repository, Role};
use farm_model::id::{BuilderName, CommitId, RepoName};
use farm_model::kept::{Snapshot, Trust};
use farm_model::record::{Against, Branch, BuildKey, BuildKind};

use crate::book::Book;
use crate::recipe;
use decide::Target;

/// The newest branch of a main repository, where it is not the default one.
const TIP: &str = "master";
/// Release branches of a main repository that others are built against: the newest ones, which are still mended.
const RELEASES: usize = 2;

/// A build that is wanted, and how many commits it lies behind its branch's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What to build.
    pub key: BuildKey,
    /// 0 for the head.
    pub behind: u32,
    /// The commit's number on its branch; none where it is not wanted of a branch.
    pub number: Option<u64>,
}

/// Branches by repository and name.
pub type Branches = BTreeMap<(RepoName, String), Branch>;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The configuration in force.
    pub config: &'a FarmConfig,
    /// The branches as last read; one that is planned for counts as it is given.
    pub branches: &'a Branches,
    /// What was made already.
    pub book: &'a Book,
    /// Whether commits count that the branch had when it was last read: what they want has been planned.
    pub again: bool,
}

/// Every build that `branch`, as observed, wants: its newest `history` commits on each of the repository's builders, as
/// far as their rules say; of a main repository also the heads of those that are built against it. Order: newest commit
/// first, builders by name.
#[must_use]
pub fn plan(seen: &Seen<'_>, branch: &Branch) -> Vec<Wanted> {
    let Some(repository) = seen.config.repositories.get(&branch.repo) else {
        return Vec::new();
    };
    match &repository.role {
        Role::Alone => seen.own(repository, branch),
        Role::Main => {
            let mut wanted = seen.own(repository, branch);
            if seen.supported(&branch.repo, branch).contains(&branch.name) {
                wanted.extend(seen.dependents(branch, None));
            }
            wanted
        }
        Role::Against(main) => {
            let supported = seen.supported(main, branch);
            let heads = seen.branches_of(main, branch);
            let heads = heads.filter(|head| supported.contains(&head.name));
            heads
                .flat_map(|head| seen.with(repository, branch, head, None))
                .collect()
        }
    }
}

/// What a builder can build now that it has made a commit of a main repository: the heads of those built against it.
#[must_use]
pub fn made(seen: &Seen<'_>, snapshot: &Snapshot) -> Vec<Wanted> {
    let is_head = |branch: &&Branch| {
        branch.repo == snapshot.repo && branch.head().is_some_and(|head| head.id == snapshot.commit)
    };
    let heads = seen.branches.values().filter(is_head);
    heads
        .filter(|head| seen.supported(&head.repo, head).contains(&head.name))
        .flat_map(|head| seen.dependents(head, Some(&snapshot.builder)))
        .collect()
}

impl Seen<'_> {
    /// The builds of a repository by itself.
    fn own(&self, repository: &Repository, branch: &Branch) -> Vec<Wanted> {
        let target = Target::alone(&branch.repo, &branch.name);
        let builders: Vec<&BuilderName> = self.builders(repository, &target, None).collect();
        let planned = self.planned(repository, branch);
        let commits = branch.commits.iter().take(repository.history as usize);
        let new = (0..)
            .zip(commits)
            .filter(|(_, commit)| !planned.contains(&commit.id));
        let each = new.flat_map(|(behind, commit)| {
            let key =
                move |builder: &BuilderName| wanted(builder, branch, &commit.id, None, behind);
            builders.iter().map(move |builder| key(builder))
        });
        each.collect()
    }

    /// Commits of which everything was planned when the branch was last read, under the same configuration.
    fn planned(&self, repository: &Repository, branch: &Branch) -> BTreeSet<&CommitId> {
        if self.again {
            return BTreeSet::new();
        }
        let known = self
            .branches
            .get(&(branch.repo.clone(), branch.name.clone()));
        let commits = known.into_iter().flat_map(|known| &known.commits);
        let wanted = commits.take(repository.history as usize);
        wanted.map(|commit| &commit.id).collect()
    }

    /// The heads of every repository that is built against `head`'s.
    fn dependents(&self, head: &Branch, only: Option<&BuilderName>) -> Vec<Wanted> {
        let against = |repository: &Repository| repository.role == Role::Against(head.repo.clone());
        let branches = self.branches.values().filter_map(|branch| {
            let repository = self.config.repositories.get(&branch.repo)?;
            against(repository).then_some((repository, branch))
        });
        let mut all = Vec::new();
        for (repository, branch) in branches {
            let newest = Repository {
                history: 1,
                ..repository.clone()
            };
            all.extend(self.with(&newest, branch, head, only));
        }
        all
    }

    /// The builds of `branch` against the newest commit of `head`.
    fn with(
        &self,
        repository: &Repository,
        branch: &Branch,
        head: &Branch,
        only: Option<&BuilderName>,
    ) -> Vec<Wanted> {
        let Some(commit) = head.head() else {
            return Vec::new();
        };
        let target = Target {
            repo: branch.repo.as_str(),
            branch: &branch.name,
            go_branch: &head.name,
        };
        let against = Against {
            repo: head.repo.clone(),
            commit: commit.id.clone(),
            branch: head.name.clone(),
        };
        let ready: Vec<&BuilderName> = self
            .builders(repository, &target, only)
            .filter(|builder| self.is_ready(builder, &against))
            .collect();
        let commits = branch.commits.iter().take(repository.history as usize);
        let each = (0..).zip(commits).flat_map(|(behind, commit)| {
            let against = &against;
            ready.iter().map(move |builder| {
                wanted(builder, branch, &commit.id, Some(against.clone()), behind)
            })
        });
        each.collect()
    }

    /// The repository's builders that build this.
    fn builders<'b>(
        &'b self,
        repository: &'b Repository,
        target: &'b Target<'_>,
        only: Option<&'b BuilderName>,
    ) -> impl Iterator<Item = &'b BuilderName> {
        let asked = move |name: &&BuilderName| only.is_none_or(|only| only == *name);
        repository
            .builders
            .iter()
            .filter(asked)
            .filter(|name| decide::post_submit(self.config, name, target))
    }

    /// Whether a builder has what it needs to begin. One that ends with `make` would never look at the repository; and a
    /// toolchain that a builder makes and keeps anyway is not made once more for each repository: they wait for it.
    fn is_ready(&self, name: &BuilderName, against: &Against) -> bool {
        let recipe = self
            .config
            .builders
            .get(name)
            .map(|builder| &builder.recipe);
        let Some(Recipe::Go(go)) = recipe else {
            return true;
        };
        let makes = Target::alone(&against.repo, &against.branch);
        let waits =
            recipe::go::keeps_snapshot(name, go) && decide::post_submit(self.config, name, &makes);
        !go.stop_after_make
            && (!waits
                || self
                    .book
                    .snapshot(name, &against.repo, &against.commit, &Trust::PostSubmit)
                    .is_some())
    }

    /// The branches of `repo`; `given` as it is given.
    fn branches_of<'b>(
        &'b self,
        repo: &'b RepoName,
        given: &'b Branch,
    ) -> impl Iterator<Item = &'b Branch> {
        let others = self.branches.values().filter(move |branch| {
            branch.repo == *repo && (given.repo != *repo || branch.name != given.name)
        });
        let given = (given.repo == *repo).then_some(given);
        given.into_iter().chain(others)
    }

    /// The branches of a main repository that others are built against: its newest, and the releases still mended.
    fn supported(&self, main: &RepoName, given: &Branch) -> BTreeSet<String> {
        let mut releases: Vec<(GoVersion, &str)> = self
            .branches_of(main, given)
            .filter_map(|branch| Some((GoVersion::of_branch(&branch.name)?, branch.name.as_str())))
            .collect();
        releases.sort_unstable();
        let newest = releases.iter().rev().take(RELEASES);
        let tips = self
            .branches_of(main, given)
            .filter(|branch| branch.default || branch.name == TIP);
        newest
            .map(|(_, name)| (*name).to_owned())
            .chain(tips.map(|branch| branch.name.clone()))
            .collect()
    }
}

fn wanted(
    builder: &BuilderName,
    branch: &Branch,
    commit: &CommitId,
    against: Option<Against>,
    behind: u32,
) -> Wanted {
    let key = BuildKey {
        builder: builder.clone(),
        repo: branch.repo.clone(),
        commit: commit.clone(),
        branch: branch.name.clone(),
        kind: BuildKind::PostSubmit,
        against,
    };
    Wanted {
        key,
        behind,
        number: branch.number_at(behind as usize),
    }
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

#[cfg(test)]
mod tests;
