//! `grid/…` and `sheet/…`: commits × builders.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{BuilderName, CommitId};
use farm_model::record::{Branch, Build, CommitInfo};
use farm_model::view::{Cell, GridRow, GridView};

use super::line::{Shown, is_cell};
use super::stored::{Stored, numbers_of, oldest};
use crate::farm::{Farm, status_of};
use crate::plan::columns;

/// Rows of a grid.
pub const GRID_ROWS: usize = 30;

/// One branch's grid: its newest commits.
#[must_use]
pub fn grid(farm: &Farm, branch: &Branch, now: Timestamp) -> GridView {
    let builders = columns(farm.config(), &branch.repo);
    let rows = branch.commits.iter().take(GRID_ROWS).enumerate();
    let rows = rows.map(|(behind, commit)| GridRow {
        number: branch.number_at(behind).unwrap_or_default(),
        commit: commit.clone(),
        cells: builders
            .iter()
            .map(|builder| cell_at(farm, branch, builder, &commit.id))
            .collect(),
    });
    let rows = rows.collect();
    GridView {
        made: now,
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        sheet: None,
        total: branch.total,
        builders,
        rows,
    }
}

/// One sheet of a branch; `stored` has what of it is not in memory any more. One behind the branch's end is empty: the
/// branch was rewritten.
#[must_use]
pub fn sheet(
    farm: &Farm,
    branch: &Branch,
    sheet: u64,
    stored: &Stored,
    now: Timestamp,
) -> GridView {
    let numbers = numbers_of(sheet);
    let numbers = numbers.start..numbers.end.min(branch.total);
    let mut lines: Vec<(u64, &CommitInfo, BTreeMap<BuilderName, Cell>)> = numbers
        .rev()
        .filter_map(|number| Some((number, commit_at(branch, number, stored)?)))
        .map(|(number, commit)| (number, commit, cells(farm, branch, &commit.id, stored)))
        .collect();
    let builders = lines.iter().flat_map(|(_, _, cells)| cells.keys());
    let builders: BTreeSet<BuilderName> = builders.cloned().collect();
    let rows = lines.iter_mut().map(|(number, commit, cells)| GridRow {
        number: *number,
        commit: (*commit).clone(),
        cells: builders
            .iter()
            .map(|builder| cells.remove(builder))
            .collect(),
    });
    let rows = rows.collect();
    GridView {
        made: now,
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        sheet: Some(sheet),
        total: branch.total,
        builders: builders.into_iter().collect(),
        rows,
    }
}

fn commit_at<'a>(branch: &'a Branch, number: u64, stored: &'a Stored) -> Option<&'a CommitInfo> {
    if number < oldest(branch) {
        return stored.numbers.get(&number);
    }
    let behind = branch.total.checked_sub(number + 1)?;
    branch.commits.get(usize::try_from(behind).ok()?)
}

/// What is in memory is newer than what was read of it.
fn cells(
    farm: &Farm,
    branch: &Branch,
    commit: &CommitId,
    stored: &Stored,
) -> BTreeMap<BuilderName, Cell> {
    let of_branch = |shown: &&Shown| {
        let line = shown.raw();
        shown.is_of(&branch.repo, commit) && line.branch == branch.name && shown.is_cell()
    };
    let read = stored.shown.iter().filter(of_branch);
    let mut cells: BTreeMap<BuilderName, Cell> = read
        .map(|shown| (shown.raw().builder.clone(), shown.clone().cell(farm)))
        .collect();
    let known = farm.builds_of(commit).filter(|build| is_in(branch, build));
    cells.extend(known.filter_map(|build| {
        let cell = Shown::in_memory(farm, build)?.cell(farm);
        Some((build.key.builder.clone(), cell))
    }));
    cells
}

fn cell_at(farm: &Farm, branch: &Branch, builder: &BuilderName, commit: &CommitId) -> Option<Cell> {
    let mut builds = farm.builds_at(builder, commit);
    let build = builds.find(|build| is_in(branch, build))?;
    let run = farm.runs(&build.id).last()?;
    Some(Cell {
        build: build.id.clone(),
        run: run.number,
        status: status_of(run),
        failure: farm.failure(&build.id),
    })
}

/// Whether a build is a cell of this branch's grid.
fn is_in(branch: &Branch, build: &Build) -> bool {
    let key = &build.key;
    is_cell(key) && key.branch == branch.name && key.repo == branch.repo
}
