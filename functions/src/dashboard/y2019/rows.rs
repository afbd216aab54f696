//! Commits and what became of them, gathered from views.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::config::Role;
use farm_model::id::{BuilderName, CommitId, LogHash, RepoName};
use farm_model::record::{Against, BuildKind, CommitInfo};
use farm_model::view::{BuildLine, CommitView, Failure, FarmView, RepositoryView, Status, key};
use futures::future::try_join_all;

use super::super::Dashboard;
use super::super::trouble::Trouble;
use super::super::views::ViewError;
use super::asked::{Asked, Mode, PAGE};
use super::cursor::{Cursor, Line};
use super::sections;
use crate::y2019::packages;

/// Commits of all branches that may lie before a page: they are merged from the newest on.
const MERGED: u64 = 3000;
/// How programs of 2019 call the default branch.
const TIP: &str = "master";

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

/// What was asked for.
pub(super) async fn listing(
    dashboard: &Dashboard,
    mode: Mode,
    asked: Asked,
) -> Result<Listing, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let Some(farm) = farm else {
        return Ok(Listing::default());
    };
    let farm = &farm.view;
    let repo = packages::find(farm, &asked.repo);
    let repo = repo.ok_or_else(|| Trouble::Missing(format!("package {:?} not found", asked.repo)));
    if farm.repositories.is_empty() {
        return Ok(Listing::default());
    }
    let repo = repo?;
    if !asked.commits.is_empty() {
        return named(dashboard, repo, &asked.commits).await;
    }
    let branches = branches(repo, mode, &asked.branch)?;
    let mut listing = page(dashboard, repo, &branches, asked.skip()).await?;
    if with_sections(farm, repo, &asked) && branches.first() == repo.branches.first().as_ref() {
        let rows = sections::of(dashboard, farm, repo).await?;
        listing.add(rows);
    }
    Ok(listing)
}

/// The rows of others, against the main repository, follow the newest of its own.
fn with_sections(farm: &FarmView, repo: &RepositoryView, asked: &Asked) -> bool {
    let main = farm.main().is_some_and(|main| main.name == repo.name);
    main && asked.repo.is_empty() && asked.page == 0
}

impl Listing {
    fn add(&mut self, rows: Vec<Row>) {
        let known: BTreeSet<&BuilderName> = self.builders.iter().collect();
        let all = rows.iter().flat_map(|row| row.results.keys());
        let new: BTreeSet<BuilderName> =
            all.filter(|name| !known.contains(name)).cloned().collect();
        self.builders.extend(new);
        self.rows.extend(rows);
    }
}

fn branches<'a>(
    repo: &'a RepositoryView,
    mode: Mode,
    wanted: &str,
) -> Result<Vec<&'a String>, Trouble> {
    let all = || repo.branches.iter().collect();
    match (mode, wanted) {
        (_, "all" | "mixed") | (Mode::Json, "") => return Ok(all()),
        (Mode::Failures, "") => return Ok(repo.branches.first().into_iter().collect()),
        _ => {}
    }
    let named = repo.branches.iter().find(|branch| *branch == wanted);
    let tip = || repo.branches.first().filter(|_| wanted == TIP);
    let missing = || Trouble::Missing(format!("{} has no branch {wanted:?}", repo.name));
    let found = named.or_else(tip).ok_or_else(missing)?;
    Ok(vec![found])
}

/// A page of the commits of these branches.
async fn page(
    dashboard: &Dashboard,
    repo: &RepositoryView,
    branches: &[&String],
    skip: u64,
) -> Result<Listing, Trouble> {
    let merges = branches.len() > 1;
    if merges && skip > MERGED {
        let text = format!("of all branches, the newest {MERGED} commits: name a branch");
        return Err(Trouble::Unclear(text));
    }
    // Behind others of other branches, or not: that is known only once they were merged.
    let ahead = if merges { 0 } else { skip };
    let mut cursors = Vec::new();
    for branch in branches {
        cursors.extend(Cursor::new(dashboard, &repo.name, branch, ahead).await?);
    }
    let builders = columns(&cursors);
    let lines = merged(&mut cursors, skip - ahead).await?;
    let rows = match repo.role {
        Role::Against(_) => against(dashboard, repo, lines).await?,
        Role::Main | Role::Alone => lines
            .iter()
            .map(|(branch, line)| own(repo, branch, line))
            .collect(),
    };
    let mut listing = Listing {
        builders,
        rows: Vec::new(),
    };
    listing.add(rows);
    Ok(listing)
}

fn columns(cursors: &[Cursor<'_>]) -> Vec<BuilderName> {
    let mut builders: Vec<BuilderName> = Vec::new();
    for name in cursors.iter().flat_map(|cursor| &cursor.builders) {
        if !builders.contains(name) {
            builders.push(name.clone());
        }
    }
    builders
}

/// The newest commit of any branch first. One that several have is the first one's: the default branch comes first.
async fn merged<'a>(
    cursors: &mut [Cursor<'a>],
    skip: u64,
) -> Result<Vec<(&'a str, Line)>, Trouble> {
    let (mut lines, mut seen, mut skipped) = (Vec::new(), BTreeSet::new(), 0);
    while (lines.len() as u64) < PAGE {
        let Some(newest) = newest(cursors).await? else {
            break;
        };
        let branch = cursors[newest].branch;
        let Some(line) = cursors[newest].next().await? else {
            break;
        };
        if !seen.insert(line.row().commit.id.clone()) {
            continue;
        }
        if skipped < skip {
            skipped += 1;
        } else {
            lines.push((branch, line));
        }
    }
    Ok(lines)
}

async fn newest(cursors: &mut [Cursor<'_>]) -> Result<Option<usize>, ViewError> {
    let mut newest = None;
    for (index, cursor) in cursors.iter_mut().enumerate() {
        let Some(line) = cursor.peek().await? else {
            continue;
        };
        let time = line.row().commit.time;
        if newest.is_none_or(|(before, _)| time > before) {
            newest = Some((time, index));
        }
    }
    Ok(newest.map(|(_, index)| index))
}

/// A commit of a repository that is built by itself.
fn own(repo: &RepositoryView, branch: &str, line: &Line) -> Row {
    let cells = line.builders().iter().zip(&line.row().cells);
    let results = cells.filter_map(|(builder, cell)| {
        let cell = cell.as_ref()?;
        let found = Found::of(cell.status, cell.failure.as_ref())?;
        Some((builder.clone(), found))
    });
    Row {
        repo: repo.name.clone(),
        branch: branch.to_owned(),
        commit: line.row().commit.clone(),
        against: None,
        results: results.collect(),
    }
}

/// Commits of a repository that is built against another: a row for each commit of that.
async fn against(
    dashboard: &Dashboard,
    repo: &RepositoryView,
    lines: Vec<(&str, Line)>,
) -> Result<Vec<Row>, Trouble> {
    let mut reading = Vec::new();
    for (branch, line) in &lines {
        reading.push(against_each(dashboard, repo, branch, line));
    }
    let rows = try_join_all(reading).await?;
    Ok(rows.into_iter().flatten().collect())
}

async fn against_each(
    dashboard: &Dashboard,
    repo: &RepositoryView,
    branch: &str,
    line: &Line,
) -> Result<Vec<Row>, ViewError> {
    let key = key::commit(&repo.name, &line.row().commit.id);
    let document = dashboard.commits.get(&key).await?;
    Ok(match document {
        Some(document) => rows_of(&document.view, branch),
        None => vec![own(repo, branch, line)],
    })
}

/// Exactly these commits.
async fn named(
    dashboard: &Dashboard,
    repo: &RepositoryView,
    commits: &[CommitId],
) -> Result<Listing, Trouble> {
    let mut listing = Listing::default();
    for commit in commits {
        let document = dashboard
            .commits
            .get(&key::commit(&repo.name, commit))
            .await?;
        let missing = || Trouble::Missing(format!("{} has no commit {commit}", repo.name));
        let document = document.ok_or_else(missing)?;
        let branch = document
            .view
            .places
            .first()
            .map(|(branch, _)| branch.as_str());
        listing.add(rows_of(&document.view, branch.unwrap_or_default()));
    }
    Ok(listing)
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
