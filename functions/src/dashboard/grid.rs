//! Commits × builders, as the page shows them.

use farm_model::view::{Cell, GridRow, GridView};

use super::cells::{Badge, counts, legend};
use super::filter::{Left, cell};
use super::head::{self, Head};
use super::text::{Moment, clipped};
use crate::columns::{self, Column};

/// With more builders than this, columns are as narrow as a symbol.
pub(super) const ROOMY: usize = 8;
/// Characters of a reason that a cell says.
const REASON: usize = 120;

/// The table.
pub(super) struct Grid<'a> {
    /// What stands above the columns, line by line.
    pub(super) head: Vec<Vec<Head<'a>>>,
    pub(super) rows: Vec<Row<'a>>,
    /// Columns are narrow.
    pub(super) dense: bool,
    pub(super) columns: usize,
    pub(super) legend: [Badge; 6],
}

/// A commit.
pub(super) struct Row<'a> {
    pub(super) row: &'a GridRow,
    pub(super) short: &'a str,
    pub(super) time: Moment,
    /// `93 ok, 2 failed`.
    pub(super) counts: String,
    pub(super) cells: Vec<Slot<'a>>,
}

/// A place for a build.
pub(super) struct Slot<'a> {
    /// Another group begins.
    pub(super) edge: bool,
    pub(super) link: Option<Link<'a>>,
}

/// A build.
pub(super) struct Link<'a> {
    pub(super) build: &'a str,
    pub(super) badge: Badge,
    /// `linux-test: failed, run 2: exit status 1`.
    pub(super) label: String,
}

impl<'a> Grid<'a> {
    /// What a filter has left of `view`.
    pub(super) fn new(view: &'a GridView, left: &Left) -> Self {
        let names: Vec<&str> = left
            .columns
            .iter()
            .map(|at| view.builders[*at].as_str())
            .collect();
        let dense = names.len() > ROOMY;
        let grouped = dense && columns::are_systems(names.iter().copied());
        let columns: Vec<Column<'_>> = names.iter().map(|name| Column::new(name)).collect();
        let edges: Vec<bool> = (0..columns.len())
            .map(|at| grouped && at > 0 && columns[at - 1].group != columns[at].group)
            .collect();
        let rows = left
            .rows
            .iter()
            .map(|at| row(&view.rows[*at], left, &names, &edges));
        Self {
            rows: rows.collect(),
            head: match grouped {
                true => head::grouped(&columns),
                false => vec![names.iter().map(|name| Head::plain(name, dense)).collect()],
            },
            dense,
            columns: columns.len(),
            legend: legend(),
        }
    }
}

fn row<'a>(row: &'a GridRow, left: &Left, names: &[&str], edges: &[bool]) -> Row<'a> {
    let cells = || left.columns.iter().map(|at| cell(row, *at));
    let slots = std::iter::zip(names, edges).zip(cells());
    Row {
        short: row.commit.id.short(),
        time: Moment(row.commit.time),
        counts: counts(cells().flatten().map(badge)),
        cells: slots
            .map(|((name, edge), cell)| Slot {
                edge: *edge,
                link: cell.map(|cell| link(name, cell)),
            })
            .collect(),
        row,
    }
}

fn link<'a>(builder: &str, cell: &'a Cell) -> Link<'a> {
    let badge = badge(cell);
    let mut label = format!("{builder}: {}", badge.word);
    if cell.run > 1 {
        label += &format!(", run {}", cell.run);
    }
    if let Some(failure) = cell
        .failure
        .as_ref()
        .filter(|failure| !failure.reason.is_empty())
    {
        label += &format!(": {}", clipped(&failure.reason, REASON));
    }
    Link {
        build: cell.build.as_str(),
        badge,
        label,
    }
}

pub(super) fn badge(cell: &Cell) -> Badge {
    Badge::of(cell.status, cell.failure.as_ref())
}

/// What became of a commit: `93 ok, 2 failed`.
pub(super) fn outcome(row: &GridRow) -> String {
    counts(row.cells.iter().flatten().map(badge))
}
