//! A page of the commits of one branch or several, newest first.

use std::collections::BTreeSet;

use farm_model::config::Role;
use farm_model::id::BuilderName;
use farm_model::view::{RepositoryView, key};
use futures::future::try_join_all;

use super::super::Dashboard;
use super::super::trouble::Trouble;
use super::super::views::ViewError;
use super::asked::PAGE;
use super::cursor::{Cursor, Line};
use super::rows::{Found, Listing, Row, rows_of};

/// Commits of all branches that may lie before a page: they are merged from the newest on.
const MERGED: u64 = 3000;

/// A page of the commits of these branches.
pub(super) async fn page(
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
