//! Commits and what became of them, as they are listed.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::id::{BuilderName, LogHash, RepoName};
use farm_model::record::{Against, BuildKind, CommitInfo};
use farm_model::view::{BuildLine, CommitView, Failure, Status};

/// What is listed.
#[derive(Default)]
pub(super) struct Listing {
    /// Columns: those that build the branches now first.
    pub(super) builders: Vec<BuilderName>,
    pub(super) rows: Vec<Row>,
}

/// A commit, or a commit built against one of the main repository.
pub(super) struct Row {
    pub(super) repo: RepoName,
    pub(super) branch: String,
    pub(super) commit: CommitInfo,
    pub(super) against: Option<Against>,
    /// Of those that are over, and said something about the code.
    pub(super) results: BTreeMap<BuilderName, Found>,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Ok,
    /// With what its log is found by, where that was said.
    Failed(Option<LogHash>),
}

impl Found {
    /// What a build says: nothing while it is open, and nothing where we have lost it.
    pub(super) fn of(status: Status, failure: Option<&Failure>) -> Option<Self> {
        match status {
            Status::Ok => Some(Self::Ok),
            Status::Failed => Some(Self::Failed(failure.and_then(|why| why.log.clone()))),
            Status::Queued | Status::Running | Status::Lost => None,
        }
    }
}

impl Listing {
    /// Adds rows, and columns for those of their builders that have none.
    pub(super) fn add(&mut self, rows: Vec<Row>) {
        let known: BTreeSet<&BuilderName> = self.builders.iter().collect();
        let all = rows.iter().flat_map(|row| row.results.keys());
        let new: BTreeSet<BuilderName> =
            all.filter(|name| !known.contains(name)).cloned().collect();
        self.builders.extend(new);
        self.rows.extend(rows);
    }
}

/// A commit's rows on a branch: for each commit that it was built against, the newest first; one where there is none.
pub(super) fn rows_of(view: &CommitView, branch: &str) -> Vec<Row> {
    let lines = || {
        let lines = view.builds.iter();
        lines.filter(|line| line.kind == BuildKind::PostSubmit && line.branch == branch)
    };
    let mut newest: BTreeMap<Option<&Against>, _> = BTreeMap::new();
    for line in lines() {
        let opened = newest.entry(line.against.as_ref()).or_insert(line.opened);
        *opened = line.opened.max(*opened);
    }
    let mut groups: Vec<_> = newest.into_iter().map(|(to, at)| (at, to)).collect();
    groups.sort_by(|a, b| b.cmp(a));
    if groups.is_empty() {
        return vec![row(view, branch, None, std::iter::empty())];
    }
    let group = |(_, to): (_, Option<&Against>)| {
        let own = lines().filter(|line| line.against.as_ref() == to);
        row(view, branch, to, own)
    };
    groups.into_iter().map(group).collect()
}

/// A row of these builds.
pub(super) fn row<'a>(
    view: &CommitView,
    branch: &str,
    against: Option<&Against>,
    lines: impl Iterator<Item = &'a BuildLine>,
) -> Row {
    let results = lines.filter_map(|line| {
        let found = Found::of(line.status, line.failure.as_ref())?;
        Some((line.builder.clone(), found))
    });
    Row {
        repo: view.repo.clone(),
        branch: branch.to_owned(),
        commit: view.commit.clone(),
        against: against.cloned(),
        results: results.collect(),
    }
}
