//! Repositories that are built against the main one: the head of each, against the heads of its branches.

use std::collections::BTreeSet;
use std::sync::Arc;

use farm_model::config::Role;
use farm_model::id::RepoName;
use farm_model::record::{Against, BuildKind};
use farm_model::view::{CommitView, FarmView, RepositoryView, key};
use futures::future::try_join_all;

use super::super::Dashboard;
use super::super::views::{Document, ViewError};
use super::rows::{Row, row};

/// A repository's newest commit.
struct Head {
    branch: String,
    document: Arc<Document<CommitView>>,
}

/// Their rows: against the head of the default branch first, which is a promise; then of the others, by version, newest
/// first.
pub(super) async fn of(
    dashboard: &Dashboard,
    farm: &FarmView,
    main: &RepositoryView,
) -> Result<Vec<Row>, ViewError> {
    let dependents = farm.repositories.iter();
    let dependents = dependents.filter(|repo| repo.role == Role::Against(main.name.clone()));
    let mut reading = Vec::new();
    for repo in dependents {
        reading.push(head(dashboard, repo));
    }
    let heads = try_join_all(reading).await?;
    let heads: Vec<Head> = heads.into_iter().flatten().collect();
    let mut rows = Vec::new();
    for branch in sections(main, &heads) {
        if let Some(against) = newest(dashboard, &main.name, branch).await? {
            rows.extend(heads.iter().map(|head| against_one(head, &against)));
        }
    }
    Ok(rows)
}

async fn head(dashboard: &Dashboard, repo: &RepositoryView) -> Result<Option<Head>, ViewError> {
    let Some(branch) = repo.branches.first() else {
        return Ok(None);
    };
    let Some(grid) = dashboard.grids.get(&key::grid(&repo.name, branch)).await? else {
        return Ok(None);
    };
    let Some(row) = grid.view.rows.first() else {
        return Ok(None);
    };
    let key = key::commit(&repo.name, &row.commit.id);
    let document = dashboard.commits.get(&key).await?;
    Ok(document.map(|document| Head {
        branch: branch.clone(),
        document,
    }))
}

/// The head of a branch of the main repository.
async fn newest(
    dashboard: &Dashboard,
    main: &RepoName,
    branch: &str,
) -> Result<Option<Against>, ViewError> {
    let grid = dashboard.grids.get(&key::grid(main, branch)).await?;
    let row = grid.as_ref().and_then(|grid| grid.view.rows.first());
    Ok(row.map(|row| Against {
        repo: main.clone(),
        commit: row.commit.id.clone(),
        branch: branch.to_owned(),
    }))
}

/// The default branch, and those that something was built against.
fn sections<'a>(main: &'a RepositoryView, heads: &[Head]) -> Vec<&'a String> {
    let lines = heads.iter().flat_map(|head| &head.document.view.builds);
    let built = lines.filter_map(|line| line.against.as_ref());
    let built: BTreeSet<&str> = built
        .filter(|against| against.repo == main.name)
        .map(|against| against.branch.as_str())
        .collect();
    let mut branches = main.branches.iter();
    let tip = branches.next();
    let mut others: Vec<&String> = branches
        .filter(|name| built.contains(name.as_str()))
        .collect();
    others.sort_by_key(|name| std::cmp::Reverse(version(name)));
    tip.into_iter().chain(others).collect()
}

fn against_one(head: &Head, against: &Against) -> Row {
    let view = &head.document.view;
    let lines = view.builds.iter().filter(|line| {
        line.kind == BuildKind::PostSubmit
            && line.branch == head.branch
            && line.against.as_ref() == Some(against)
    });
    row(view, &head.branch, Some(against), lines)
}

/// A name by its text and numbers, so that 1.10 comes after 1.9.
fn version(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, after) = rest.split_at(digits);
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        parts.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_sorts_behind() {
        let names = [
            "release-branch.go1.9",
            "release-branch.go1.10",
            "release-branch.go1.12",
        ];
        let versions = names.map(version);
        assert!(versions.is_sorted());
        assert!(version("a2") < version("b1") && version("a") < version("a1"));
    }
}
