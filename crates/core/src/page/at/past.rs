//! From a checkpoint, line by line, to a moment.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::record::{CommitInfo, Transition};
use farm_model::view::{
    Cell, FarmView, GridRow, GridView, MachineView, OpenBuildView, RepositoryView, Status,
};

use super::{Checkpoint, OpenThen, detail, note};
use crate::page::{GRID_ROWS, OPEN_LISTED};

type Branch = (RepoName, String);

/// The farm at a past moment.
#[derive(Debug, Clone)]
pub struct Past {
    at: Timestamp,
    name: String,
    repositories: Vec<RepositoryView>,
    grids: BTreeMap<Branch, GridView>,
    /// Cells by build, also of those that no row shows yet: a build is wanted before its commit is seen to be on top.
    cells: HashMap<BuildId, (Branch, CommitId, BuilderName)>,
    open: BTreeMap<(Timestamp, BuildId), OpenBuildView>,
    /// Where each open build stands in `open`.
    opened: HashMap<BuildId, Timestamp>,
    open_count: usize,
}

impl Past {
    /// The moment of the checkpoint.
    #[must_use]
    pub fn new(checkpoint: Checkpoint) -> Self {
        let mut past = Self {
            at: checkpoint.at,
            name: checkpoint.name,
            repositories: checkpoint.repositories,
            grids: BTreeMap::new(),
            cells: HashMap::new(),
            open: BTreeMap::new(),
            opened: HashMap::new(),
            open_count: checkpoint.open_count,
        };
        for grid in checkpoint.grids {
            past.enter_cells(&grid);
            past.grids
                .insert((grid.repo.clone(), grid.branch.clone()), grid);
        }
        for OpenThen { opened, shown } in checkpoint.open {
            past.insert(opened, shown);
        }
        past
    }

    /// The moment `at`, of the newest checkpoint before it and the lines of history from there, in order. Lines that the
    /// checkpoint has, and later ones, are passed over.
    #[must_use]
    pub fn rebuild<'a>(
        checkpoint: Checkpoint,
        lines: impl IntoIterator<Item = &'a Transition>,
        at: Timestamp,
    ) -> Self {
        let from = checkpoint.at;
        let mut past = Self::new(checkpoint);
        for line in lines {
            if line.at > from && line.at <= at {
                past.apply(line);
            }
        }
        past.at = at;
        past
    }

    /// The moment.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    fn enter_cells(&mut self, grid: &GridView) {
        let branch = (grid.repo.clone(), grid.branch.clone());
        for row in &grid.rows {
            for (builder, cell) in std::iter::zip(&grid.builders, &row.cells) {
                if let Some(cell) = cell {
                    let place = (branch.clone(), row.commit.id.clone(), builder.clone());
                    self.cells.insert(cell.build.clone(), place);
                }
            }
        }
    }

    fn insert(&mut self, opened: Timestamp, shown: OpenBuildView) {
        self.opened.insert(shown.build.clone(), opened);
        self.open.insert((opened, shown.build.clone()), shown);
    }

    /// An open build of that moment.
    pub(super) fn open(&self, build: &BuildId) -> Option<&OpenBuildView> {
        let opened = self.opened.get(build)?;
        self.open.get(&(*opened, build.clone()))
    }

    pub(super) fn apply(&mut self, line: &Transition) {
        match &line.build {
            Some(build) => self.apply_to(build, line),
            None if line.to == note::MOVED => drop(self.branch_moved(line)),
            None => {}
        }
    }

    fn apply_to(&mut self, build: &BuildId, line: &Transition) {
        if line.to == "wanted" {
            let _what_is_unnamed_is_not_shown = self.want(build, line);
        }
        let status = match line.to.as_str() {
            "ok" => Some(Status::Ok),
            "failed" => Some(Status::Failed),
            "lost" => Some(Status::Lost),
            _ => line
                .detail
                .get(detail::STATUS)
                .and_then(|text| open_status(text)),
        };
        let Some(status) = status else { return };
        self.set_cell(build, line.run, status);
        if matches!(status, Status::Queued | Status::Running) {
            self.stands(build, status, line);
        } else {
            self.ended(build);
        }
    }

    fn want(&mut self, build: &BuildId, line: &Transition) -> Option<()> {
        let said = |name| line.detail.get(name).cloned();
        let shown = OpenBuildView {
            build: build.clone(),
            run: line.run,
            builder: said(detail::BUILDER)?.parse().ok()?,
            repo: said(detail::REPO)?.parse().ok()?,
            commit: said(detail::COMMIT)?.parse().ok()?,
            status: Status::Queued,
            why: String::new(),
            since: line.at,
        };
        if !line.detail.contains_key(detail::ASIDE) {
            let branch = (shown.repo.clone(), said(detail::BRANCH)?);
            let place = (branch, shown.commit.clone(), shown.builder.clone());
            self.cells.insert(build.clone(), place);
        }
        self.insert(line.at, shown);
        self.open_count += 1;
        self.set_cell(build, line.run, Status::Queued);
        Some(())
    }

    fn stands(&mut self, build: &BuildId, status: Status, line: &Transition) {
        let key = self
            .opened
            .get(build)
            .map(|opened| (*opened, build.clone()));
        let Some(shown) = key.and_then(|key| self.open.get_mut(&key)) else {
            return;
        };
        let since = line.detail.get(detail::SINCE);
        shown.since = since
            .and_then(|text| text.parse().ok())
            .unwrap_or(shown.since);
        let on = line.detail.get(detail::ON);
        shown.why = on.map_or_else(String::new, |machine| format!("on {machine}"));
        shown.status = status;
    }

    fn ended(&mut self, build: &BuildId) {
        if let Some(opened) = self.opened.remove(build) {
            self.open.remove(&(opened, build.clone()));
        }
        self.open_count = self.open_count.saturating_sub(1);
    }

    fn set_cell(&mut self, build: &BuildId, run: u32, status: Status) {
        let Some((branch, commit, builder)) = self.cells.get(build) else {
            return;
        };
        let Some(grid) = self.grids.get_mut(branch) else {
            return;
        };
        let column = grid.builders.iter().position(|name| name == builder);
        let row = grid.rows.iter_mut().find(|row| row.commit.id == *commit);
        let cell = column.and_then(|column| row?.cells.get_mut(column));
        if let Some(cell) = cell {
            *cell = Some(Cell {
                build: build.clone(),
                run,
                status,
                failure: None,
            });
        }
    }

    fn branch_moved(&mut self, line: &Transition) -> Option<()> {
        let repo = line.detail.get(detail::REPO)?.parse().ok()?;
        let branch = line.detail.get(detail::BRANCH)?.clone();
        let commits: Vec<CommitInfo> =
            serde_json::from_str(line.detail.get(detail::COMMITS)?).ok()?;
        let grid = self.grids.get_mut(&(repo, branch))?;
        let columns = grid.builders.len();
        let total = line.detail.get(detail::TOTAL);
        let told = total.and_then(|text| text.parse().ok());
        // Lines of before commits had numbers say none.
        grid.total = told.unwrap_or(grid.total + commits.len() as u64);
        let numbers = (0..grid.total).rev();
        let new = std::iter::zip(commits, numbers).map(|(commit, number)| GridRow {
            number,
            commit,
            cells: vec![None; columns],
        });
        grid.rows.splice(0..0, new);
        grid.rows.truncate(GRID_ROWS);
        Some(())
    }

    /// The front page of that moment. Which machines were idle is not in history: those that worked are shown.
    #[must_use]
    pub fn front(&self) -> FarmView {
        FarmView {
            made: self.at,
            name: self.name.clone(),
            repositories: self.repositories.clone(),
            machines: Vec::<MachineView>::new(),
            open: self.open.values().take(OPEN_LISTED).cloned().collect(),
            open_count: self.open_count,
            away: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// A branch's grid of that moment; none if it is not known of that time.
    #[must_use]
    pub fn grid(&self, repo: &RepoName, branch: &str) -> Option<GridView> {
        let grid = self.grids.get(&(repo.clone(), branch.to_owned()))?;
        Some(GridView {
            made: self.at,
            ..grid.clone()
        })
    }
}

fn open_status(text: &str) -> Option<Status> {
    [Status::Queued, Status::Running]
        .into_iter()
        .find(|status| status.as_str() == text)
}
