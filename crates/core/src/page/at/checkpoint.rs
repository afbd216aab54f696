//! What the pages need of a moment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::BuildId;
use farm_model::record::{Branch, Transition};
use farm_model::view::{GridView, OpenBuildView, RepositoryView};

use super::note;
use crate::explain::Explainer;
use crate::farm::Farm;
use crate::page;
use crate::plan::columns;

/// Open builds that are kept.
const OPEN: usize = 5000;
/// Cells of grids that are kept; rendering them keeps the leader for some tens of milliseconds.
const CELLS: usize = 100_000;

/// The farm at a moment, bounded in size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The moment: every line of history up to it is in here.
    pub at: Timestamp,
    /// The farm's name.
    pub name: String,
    /// Its repositories and all their branches.
    pub repositories: Vec<RepositoryView>,
    /// Branches' grids, default branches first, as many as fit.
    pub grids: Vec<GridView>,
    /// Open builds, oldest first, as many as fit.
    pub open: Vec<OpenThen>,
    /// How many were open in all.
    pub open_count: usize,
}

/// A build that was open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenThen {
    /// When its run was opened: its place among the others.
    pub opened: Timestamp,
    /// What the front page showed of it.
    #[serde(flatten)]
    pub shown: OpenBuildView,
}

impl Checkpoint {
    /// The farm as it is at `now`.
    #[must_use]
    pub fn of(farm: &Farm, now: Timestamp) -> Self {
        let open = farm.open().take(OPEN);
        let mut explainer = Explainer::at_a_glance(farm, now);
        Self {
            at: now,
            name: farm.config().name.clone(),
            repositories: farm
                .repositories()
                .map(|name| page::repository(farm, name))
                .collect(),
            grids: grids(farm, now),
            open: open
                .filter_map(|id| open_then(farm, id, &mut explainer))
                .collect(),
            open_count: farm.open().len(),
        }
    }

    /// Whether the state after this line is to be kept, because the line does not say all of it.
    #[must_use]
    pub fn is_needed_after(line: &Transition) -> bool {
        line.to == note::REWRITTEN || line.to == note::CONFIGURED
    }
}

fn open_then(farm: &Farm, id: &BuildId, explainer: &mut Explainer<'_>) -> Option<OpenThen> {
    Some(OpenThen {
        opened: farm.runs(id).last()?.opened,
        shown: page::open_build(farm, id, explainer)?,
    })
}

/// Lines of history do not tell all of it, and a build's page does.
pub(crate) fn without_failures(mut grid: GridView) -> GridView {
    let cells = grid.rows.iter_mut().flat_map(|row| &mut row.cells);
    for cell in cells.flatten() {
        cell.failure = None;
    }
    grid
}

fn grids(farm: &Farm, now: Timestamp) -> Vec<GridView> {
    let mut branches: Vec<&Branch> = farm.branches().collect();
    branches.sort_by_key(|branch| (!branch.default, &branch.repo, &branch.name));
    let mut cells = 0;
    let fits = |branch: &&Branch| {
        let rows = branch.commits.len().min(page::GRID_ROWS);
        cells += rows * columns(farm.config(), &branch.repo).len().max(1);
        cells <= CELLS
    };
    let kept = branches.into_iter().take_while(fits);
    kept.map(|branch| without_failures(page::grid(farm, branch, now)))
        .collect()
}
