//! The commits of a branch, newest first: from the document of the newest, then from sheets.

use std::collections::VecDeque;
use std::sync::Arc;

use farm_model::id::{BuilderName, RepoName};
use farm_model::view::{GridRow, GridView, key, sheet_of};

use super::super::Dashboard;
use super::super::views::{Document, ViewError};

/// Where in a branch we are.
pub(super) struct Cursor<'a> {
    dashboard: &'a Dashboard,
    repo: &'a RepoName,
    pub(super) branch: &'a str,
    /// Columns of the newest commits: what the branch's builders are now.
    pub(super) builders: Vec<BuilderName>,
    rows: VecDeque<Line>,
    /// The number of the commit that follows those.
    next: Option<u64>,
}

/// A commit's line, and the document that it stands in.
#[derive(Clone)]
pub(super) struct Line {
    document: Arc<Document<GridView>>,
    row: usize,
}

impl Line {
    pub(super) fn row(&self) -> &GridRow {
        &self.document.view.rows[self.row]
    }

    pub(super) fn builders(&self) -> &[BuilderName] {
        &self.document.view.builders
    }
}

impl<'a> Cursor<'a> {
    /// Behind the `skip` newest commits; none where there is no such branch.
    pub(super) async fn new(
        dashboard: &'a Dashboard,
        repo: &'a RepoName,
        branch: &'a str,
        skip: u64,
    ) -> Result<Option<Self>, ViewError> {
        let Some(newest) = dashboard.grids.get(&key::grid(repo, branch)).await? else {
            return Ok(None);
        };
        let builders = newest.view.builders.clone();
        let rows = lines(&newest, |_| true);
        let last = rows.back().map_or(0, |line| line.row().number);
        let mut cursor = Self {
            dashboard,
            repo,
            branch,
            builders,
            // A document without a total knows no numbers: there are no sheets.
            next: last.checked_sub(1).filter(|_| newest.view.total > 0),
            rows,
        };
        cursor.skip(skip);
        Ok(Some(cursor))
    }

    fn skip(&mut self, skip: u64) {
        let held = usize::try_from(skip)
            .unwrap_or(usize::MAX)
            .min(self.rows.len());
        self.rows.drain(..held);
        self.next = self
            .next
            .and_then(|next| next.checked_sub(skip - held as u64));
    }

    /// The next commit, which stays the next.
    pub(super) async fn peek(&mut self) -> Result<Option<&Line>, ViewError> {
        while self.rows.is_empty() {
            let Some(next) = self.next.take() else {
                return Ok(None);
            };
            let sheet = sheet_of(next);
            let key = key::sheet(self.repo, self.branch, sheet);
            if let Some(document) = self.dashboard.grids.get(&key).await? {
                self.rows = lines(&document, |row| row.number <= next);
            }
            self.next = (sheet * farm_model::view::SHEET_ROWS).checked_sub(1);
            if self.rows.is_empty() {
                // Nothing of it was written: neither was anything before.
                return Ok(None);
            }
        }
        Ok(self.rows.front())
    }

    /// The next commit.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, ViewError> {
        self.peek().await?;
        Ok(self.rows.pop_front())
    }
}

fn lines(document: &Arc<Document<GridView>>, wanted: impl Fn(&GridRow) -> bool) -> VecDeque<Line> {
    let rows = document.view.rows.iter().enumerate();
    let rows = rows.filter(|(_, row)| wanted(row));
    let line = |(row, _)| Line {
        document: Arc::clone(document),
        row,
    };
    rows.map(line).collect()
}
