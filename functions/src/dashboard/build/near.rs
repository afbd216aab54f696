//! The builds of the same builder on the commits before and after.

use farm_model::record::BuildKind;
use farm_model::view::{BuildView, GridView, key, sheet_of};

use super::Dashboard;
use crate::dashboard::cells::Badge;
use crate::dashboard::trouble::Trouble;

/// Neighbours; none where there is none, or it is not known.
#[derive(Default)]
pub(super) struct Near {
    pub(super) older: Option<Other>,
    pub(super) newer: Option<Other>,
}

/// The build of another commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub(super) build: String,
    /// The first line of the commit.
    pub(super) subject: String,
    pub(super) badge: Badge,
}

/// From the branch's grid, or else from the sheet that the commit stands on for ever.
pub(super) async fn near(dashboard: &Dashboard, view: &BuildView) -> Result<Near, Trouble> {
    let of = &view.build.key;
    if of.kind != BuildKind::PostSubmit || of.against.is_some() {
        return Ok(Near::default());
    }
    let grid = dashboard
        .grids
        .get(&key::grid(&of.repo, &of.branch))
        .await?;
    if let Some(near) = grid.and_then(|grid| found(&grid.view, view)) {
        return Ok(near);
    }
    let Some(number) = view.number else {
        return Ok(Near::default());
    };
    let sheet = key::sheet(&of.repo, &of.branch, sheet_of(number));
    let sheet = dashboard.grids.get(&sheet).await?;
    Ok(sheet
        .and_then(|sheet| found(&sheet.view, view))
        .unwrap_or_default())
}

/// The neighbours on a grid that has the build; its newest commit stands first.
fn found(grid: &GridView, view: &BuildView) -> Option<Near> {
    let of = &view.build.key;
    let row = grid
        .rows
        .iter()
        .position(|row| row.commit.id == of.commit)?;
    let column = grid
        .builders
        .iter()
        .position(|builder| *builder == of.builder)?;
    let other = |row: usize| {
        let row = &grid.rows[row];
        let cell = row.cells.get(column)?.as_ref()?;
        Some(Other {
            build: cell.build.to_string(),
            subject: row.commit.subject.clone(),
            badge: cell.status.into(),
        })
    };
    Some(Near {
        older: (row + 1..grid.rows.len()).find_map(other),
        newer: (0..row).rev().find_map(other),
    })
}
