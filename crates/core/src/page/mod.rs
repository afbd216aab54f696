//! Read models, rendered from the state.

pub mod at;
mod breakages;
mod queue;
mod status;

use std::collections::BTreeMap;

use jiff::Timestamp;

use farm_model::id::{BuildId, RepoName};
use farm_model::kept::{Asked, Flake, Kept, KeptKind};
use farm_model::record::{Branch, BuildKey, BuildKind, OwnedMachine};
use farm_model::view::{
    AuditView, AwayView, BuildView, Cell, FarmView, FeedView, FlakesView, GridRow, GridView,
    MachineView, OpenBuildView, RepositoryView, Status,
};

use crate::effects::ViewKey;
use crate::explain::{Explainer, set_aside};
use crate::farm::{Farm, stand};
use crate::plan::columns;

pub use status::status;

/// Rows of a grid.
pub const GRID_ROWS: usize = 30;
/// Flakes listed.
pub const FLAKES_LISTED: usize = 1000;
/// Open builds listed on the front page.
pub const OPEN_LISTED: usize = 500;

/// The document of `view` as JSON; none if there is nothing to show (any more).
///
/// # Errors
/// Only when serialisation fails, which our views' types rule out.
pub fn render(farm: &Farm, view: &ViewKey, now: Timestamp) -> serde_json::Result<Option<String>> {
    Renderer::new(farm, now).render(view)
}

/// Renders many documents of one state, and computes only once what they have in common.
#[derive(Debug)]
pub struct Renderer<'a> {
    farm: &'a Farm,
    now: Timestamp,
    explainer: Explainer<'a>,
}

impl<'a> Renderer<'a> {
    /// For the farm as it is at `now`.
    #[must_use]
    pub fn new(farm: &'a Farm, now: Timestamp) -> Self {
        Self {
            farm,
            now,
            explainer: Explainer::new(farm, now),
        }
    }

    /// As [`render`].
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(&mut self, view: &ViewKey) -> serde_json::Result<Option<String>> {
        let (farm, now) = (self.farm, self.now);
        match view {
            ViewKey::Farm => serde_json::to_string(&front(farm, now)).map(Some),
            ViewKey::Feed => serde_json::to_string(&feed(farm, now)).map(Some),
            // The farm's part: whoever writes it adds how it is doing itself.
            ViewKey::Status => serde_json::to_string(&status::status(farm, now)).map(Some),
            ViewKey::Flakes => serde_json::to_string(&flakes(farm, now)).map(Some),
            ViewKey::Audit => serde_json::to_string(&audit(farm, now)).map(Some),
            ViewKey::Grid { repo, branch } => farm
                .branch(repo, branch)
                .map(|branch| serde_json::to_string(&grid(farm, branch, now)))
                .transpose(),
            ViewKey::Breakages { repo, branch } => farm
                .branch(repo, branch)
                .map(|branch| serde_json::to_string(&breakages::of(farm, branch, now)))
                .transpose(),
            ViewKey::Queue { host } => serde_json::to_string(&queue::of(farm, host, now)).map(Some),
            ViewKey::Build { id } => build_by(farm, id, now, &mut self.explainer)
                .map(|view| serde_json::to_string(&view))
                .transpose(),
        }
    }
}

/// `farm.json`.
#[must_use]
pub fn front(farm: &Farm, now: Timestamp) -> FarmView {
    let mut explainer = Explainer::at_a_glance(farm, now);
    FarmView {
        made: now,
        name: farm.config().name.clone(),
        repositories: farm
            .repositories()
            .map(|name| repository(farm, name))
            .collect(),
        machines: farm.machines().map(|of| machine(farm, of)).collect(),
        open: farm
            .open()
            .take(OPEN_LISTED)
            .filter_map(|id| open_build(farm, id, &mut explainer))
            .collect(),
        open_count: farm.open().len(),
        away: farm.owned().filter_map(away).collect(),
        troubles: farm.troubles().collect(),
    }
}

fn away(machine: &OwnedMachine) -> Option<AwayView> {
    Some(AwayView {
        name: machine.name.clone(),
        since: machine.away?.since,
    })
}

fn repository(farm: &Farm, name: &RepoName) -> RepositoryView {
    let mut branches: Vec<&Branch> = farm
        .branches()
        .filter(|branch| branch.repo == *name)
        .collect();
    branches.sort_by_key(|branch| (!branch.default, &branch.name));
    RepositoryView {
        name: name.clone(),
        branches: branches
            .into_iter()
            .map(|branch| branch.name.clone())
            .collect(),
    }
}

fn machine(farm: &Farm, machine: &crate::farm::Machine) -> MachineView {
    MachineView {
        machine: machine.id.clone(),
        host_type: machine.host_type.clone(),
        busy: machine.lease.clone().or_else(|| machine.busy.clone()),
        seen: machine.seen,
        aside: set_aside(farm, machine),
    }
}

fn open_build(farm: &Farm, id: &BuildId, explainer: &mut Explainer<'_>) -> Option<OpenBuildView> {
    let build = farm.build(id)?;
    let run = farm.runs(id).last()?;
    let (status, since) = stand(run);
    Some(OpenBuildView {
        build: id.clone(),
        run: run.number,
        builder: build.key.builder.clone(),
        repo: build.key.repo.clone(),
        commit: build.key.commit.clone(),
        status,
        why: explainer
            .reason(id)
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
        since,
    })
}

/// `feed.json`.
#[must_use]
pub fn feed(farm: &Farm, now: Timestamp) -> FeedView {
    FeedView {
        made: now,
        events: farm.feed().cloned().collect(),
    }
}

/// `flakes.json`.
#[must_use]
pub fn flakes(farm: &Farm, now: Timestamp) -> FlakesView {
    let all = farm.book().of(KeptKind::Flake);
    let mut flakes: Vec<Flake> = all
        .filter_map(|kept| match kept {
            Kept::Flake(flake) => Some(flake.clone()),
            _ => None,
        })
        .collect();
    let count = flakes.len();
    flakes.sort_by_key(|flake| std::cmp::Reverse(flake.last));
    flakes.truncate(FLAKES_LISTED);
    FlakesView {
        made: now,
        flakes,
        count,
    }
}

/// `audit.json`.
#[must_use]
pub fn audit(farm: &Farm, now: Timestamp) -> AuditView {
    let all = farm.book().of(KeptKind::Asked);
    let mut asked: Vec<Asked> = all
        .filter_map(|kept| match kept {
            Kept::Asked(asked) => Some(asked.clone()),
            _ => None,
        })
        .collect();
    asked.sort_by_key(|asked| std::cmp::Reverse(asked.at));
    AuditView { made: now, asked }
}

/// One branch's grid.
#[must_use]
pub fn grid(farm: &Farm, branch: &Branch, now: Timestamp) -> GridView {
    let builders = columns(farm.config(), &branch.repo);
    let rows = branch.commits.iter().take(GRID_ROWS).map(|commit| {
        let cells = builders.iter().map(|builder| {
            let key = BuildKey {
                builder: builder.clone(),
                repo: branch.repo.clone(),
                commit: commit.id.clone(),
                branch: branch.name.clone(),
                kind: BuildKind::PostSubmit,
                against: None,
            };
            cell(farm, &key.id())
        });
        GridRow {
            number: 0,
            commit: commit.clone(),
            cells: cells.collect(),
        }
    });
    let rows = rows.collect();
    GridView {
        made: now,
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        sheet: None,
        total: 0,
        builders,
        rows,
    }
}

fn cell(farm: &Farm, id: &BuildId) -> Option<Cell> {
    let build = farm.build(id)?;
    Some(Cell {
        build: id.clone(),
        run: build.run,
        status: farm.status(id)?,
        failure: None,
    })
}

/// One build's page.
#[must_use]
pub fn build(farm: &Farm, id: &BuildId, now: Timestamp) -> Option<BuildView> {
    build_by(farm, id, now, &mut Explainer::new(farm, now))
}

fn build_by(
    farm: &Farm,
    id: &BuildId,
    now: Timestamp,
    explainer: &mut Explainer<'_>,
) -> Option<BuildView> {
    let build = farm.build(id)?.clone();
    let commit = farm
        .commit(&build.key.repo, &build.key.branch, &build.key.commit)
        .cloned();
    let status: Status = farm.status(id)?;
    let reason = explainer.reason(id);
    Some(BuildView {
        made: now,
        commit,
        status,
        why: reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        reason,
        expected: explainer.expected(id),
        usual: BTreeMap::new(),
        budget: None,
        number: None,
        runs: farm.runs(id).to_vec(),
        build,
    })
}
