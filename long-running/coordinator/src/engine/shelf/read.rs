//! What the store has of a document: a few statements for each, in portions that bound what is held at once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use farm_core::ViewKey;
use farm_core::page::{Shown, Stored, Wants};
use farm_model::id::{BuildId, CommitId, RepoName};
use farm_model::record::{Build, BuildKind, CommitInfo, Run};
use farm_store::{Store, StoreError};

/// Commits whose builds are read at once, with all that their runs have told.
const COMMITS: usize = 4;

/// A commit, with the branches that have it and its number on each.
type Place = (CommitInfo, Vec<(String, u64)>);

/// One answer for each of `wants`.
pub(super) fn all(store: &mut dyn Store, wants: Vec<Wants>) -> Result<Vec<Stored>, StoreError> {
    let ids: Vec<BuildId> = wants.iter().filter_map(build_of).cloned().collect();
    let mut builds = builds(store, &ids)?;
    let each = wants.into_iter().map(|of| match of {
        Wants::Build(id) => Ok(builds.remove(&id).unwrap_or_default()),
        Wants::Commit { repo, commit } => one_commit(store, &repo, &commit),
        Wants::Numbers {
            repo,
            branch,
            numbers,
        } => commits(store, &repo, &branch, numbers),
        Wants::Below {
            repo,
            branch,
            numbers,
        } => Ok(Stored {
            below: keys_below(store, &repo, &branch, numbers)?,
            ..Stored::default()
        }),
    });
    each.collect()
}

fn build_of(wants: &Wants) -> Option<&BuildId> {
    match wants {
        Wants::Build(id) => Some(id),
        _ => None,
    }
}

/// Builds with their runs, and their commits.
fn builds(store: &mut dyn Store, ids: &[BuildId]) -> Result<HashMap<BuildId, Stored>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut places: BTreeMap<(RepoName, CommitId), Option<Place>> = BTreeMap::new();
    let mut found = HashMap::new();
    for (build, runs) in store.builds(ids)? {
        let of = (build.key.repo.clone(), build.key.commit.clone());
        let commit = match places.get(&of) {
            Some(known) => known.clone(),
            None => {
                let commit = place(store, &of.0, &of.1)?;
                places.insert(of, commit.clone());
                commit
            }
        };
        let stored = Stored {
            commit,
            build: Some((build.clone(), runs)),
            ..Stored::default()
        };
        found.insert(build.id, stored);
    }
    Ok(found)
}

fn place(
    store: &mut dyn Store,
    repo: &RepoName,
    commit: &CommitId,
) -> Result<Option<Place>, StoreError> {
    let placed = store.places(repo, commit)?;
    let info = placed.first().map(|of| of.commit.clone());
    let places = placed.into_iter().map(|of| (of.branch, of.number));
    let places = places.collect();
    Ok(info.map(|info| (info, places)))
}

fn one_commit(
    store: &mut dyn Store,
    repo: &RepoName,
    commit: &CommitId,
) -> Result<Stored, StoreError> {
    Ok(Stored {
        commit: place(store, repo, commit)?,
        shown: shown(store, std::slice::from_ref(commit))?,
        ..Stored::default()
    })
}

fn commits(
    store: &mut dyn Store,
    repo: &RepoName,
    branch: &str,
    numbers: Range<u64>,
) -> Result<Stored, StoreError> {
    let numbered = store.numbered(repo, branch, numbers)?;
    let ids: Vec<CommitId> = numbered
        .iter()
        .map(|(_, commit)| commit.id.clone())
        .collect();
    Ok(Stored {
        shown: shown(store, &ids)?,
        numbers: numbered.into_iter().collect(),
        ..Stored::default()
    })
}

/// How the builds of commits stand.
fn shown(store: &mut dyn Store, commits: &[CommitId]) -> Result<Vec<Shown>, StoreError> {
    let mut all = Vec::new();
    each_build(store, commits, |build, runs| {
        all.extend(Shown::of(build, runs))
    })?;
    Ok(all)
}

/// The documents of commits with these numbers, and of their builds.
fn keys_below(
    store: &mut dyn Store,
    repo: &RepoName,
    branch: &str,
    numbers: Range<u64>,
) -> Result<Vec<ViewKey>, StoreError> {
    let numbered = store.numbered(repo, branch, numbers)?;
    let ids: Vec<CommitId> = numbered.into_iter().map(|(_, commit)| commit.id).collect();
    let commits = ids.iter().map(|commit| ViewKey::Commit {
        repo: repo.clone(),
        commit: commit.clone(),
    });
    let mut keys: Vec<ViewKey> = commits.collect();
    each_build(store, &ids, |build, _| {
        let key = &build.key;
        if key.repo == *repo && key.branch == branch && key.kind == BuildKind::PostSubmit {
            let id = build.id.clone();
            keys.push(ViewKey::Build { id });
        }
    })?;
    Ok(keys)
}

fn each_build(
    store: &mut dyn Store,
    commits: &[CommitId],
    mut each: impl FnMut(&Build, &[Run]),
) -> Result<(), StoreError> {
    for portion in commits.chunks(COMMITS) {
        for (build, runs) in store.builds_of(portion)? {
            each(&build, &runs);
        }
    }
    Ok(())
}
