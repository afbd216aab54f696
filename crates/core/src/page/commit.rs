//! `commit/…` and `set/…`: all builds of one commit.

use std::collections::BTreeMap;

use jiff::Timestamp;

use farm_model::id::{BuildId, CommitId, RepoName};
use farm_model::record::{Build, BuildKind};
use farm_model::view::{BuildLine, CommitView, SetView};

use super::line::Shown;
use super::stored::{Stored, oldest};
use crate::farm::Farm;

/// The document of a commit; none of one that no branch has, nor ever had.
#[must_use]
pub fn commit(
    farm: &Farm,
    repo: &RepoName,
    id: &CommitId,
    stored: &Stored,
    now: Timestamp,
) -> Option<CommitView> {
    let mut branches = farm.branches().filter(|branch| branch.repo == *repo);
    let held = branches.find_map(|branch| branch.commits.iter().find(|commit| commit.id == *id));
    let read = stored.commit.as_ref().map(|(commit, _)| commit);
    let mut builds = lines(farm, repo, id, stored, |kind| {
        *kind == BuildKind::PostSubmit
    });
    builds.sort_by(|a, b| {
        (&a.branch, &a.against, &a.builder).cmp(&(&b.branch, &b.against, &b.builder))
    });
    Some(CommitView {
        made: now,
        repo: repo.clone(),
        commit: held.or(read)?.clone(),
        places: places(farm, repo, id, stored),
        builds,
    })
}

/// A branch knows best where its newest commits stand; of the others the store does.
fn places(farm: &Farm, repo: &RepoName, id: &CommitId, stored: &Stored) -> Vec<(String, u64)> {
    let read = stored.commit.iter().flat_map(|(_, places)| places);
    let mut places: BTreeMap<&str, u64> = read
        .filter(|(name, number)| {
            let branch = farm.branch(repo, name);
            branch.is_some_and(|branch| *number < oldest(branch))
        })
        .map(|(name, number)| (name.as_str(), *number))
        .collect();
    let branches = farm.branches().filter(|branch| branch.repo == *repo);
    places.extend(branches.filter_map(|branch| Some((&*branch.name, branch.number_of(id)?))));
    let places = places.into_iter();
    places
        .map(|(name, number)| (name.to_owned(), number))
        .collect()
}

/// The document of a try set; none of one without builds.
#[must_use]
pub fn set(
    farm: &Farm,
    (repo, id): (&RepoName, &CommitId),
    name: &str,
    stored: &Stored,
    now: Timestamp,
) -> Option<SetView> {
    let is_of = |kind: &BuildKind| matches!(kind, BuildKind::Try { set } if set == name);
    let mut builds = lines(farm, repo, id, stored, is_of);
    builds.sort_by(|a, b| (&a.builder, &a.against).cmp(&(&b.builder, &b.against)));
    (!builds.is_empty()).then(|| SetView {
        made: now,
        set: name.to_owned(),
        repo: repo.clone(),
        commit: id.clone(),
        builds,
    })
}

/// The commit's builds of a kind. What is in memory is newer than what was read of it.
fn lines(
    farm: &Farm,
    repo: &RepoName,
    id: &CommitId,
    stored: &Stored,
    is_kind: impl Fn(&BuildKind) -> bool,
) -> Vec<BuildLine> {
    let read = stored.shown.iter();
    let read = read.filter(|shown| shown.is_of(repo, id) && is_kind(&shown.raw().kind));
    let mut lines: BTreeMap<BuildId, BuildLine> = read
        .map(|shown| (shown.raw().build.clone(), shown.clone().line(farm)))
        .collect();
    let is_here = |build: &&Build| build.key.repo == *repo && is_kind(&build.key.kind);
    let known = farm.builds_of(id).filter(is_here);
    lines.extend(known.filter_map(|build| {
        let line = Shown::in_memory(farm, build)?.line(farm);
        Some((build.id.clone(), line))
    }));
    lines.into_values().collect()
}
