//! Read models, rendered from the state.

pub mod at;
mod breakages;
mod build;
mod builder;
mod commit;
mod grid;
mod heads;
mod line;
mod pools;
mod queue;
mod status;
mod stored;
mod test;

use jiff::Timestamp;

use serde::Serialize;

use farm_model::id::{BuildId, RepoName};
use farm_model::kept::{Asked, Flake, Kept, KeptKind};
use farm_model::record::{Branch, OwnedMachine};
use farm_model::view::{
    AuditView, AwayView, FarmView, FeedView, FlakesView, MachineStanding, MachineView,
    OpenBuildView, RepositoryView,
};

use crate::effects::ViewKey;
use crate::explain::{Explainer, set_aside};
use crate::farm::{Farm, Standing, stand};

pub use build::build;
pub use grid::{GRID_ROWS, grid, sheet};
pub use heads::{heads, sheets};
pub use line::Shown;
pub(crate) use line::is_cell;
pub use status::status;
pub use stored::{Stored, Wants, wants};
pub use test::tests;

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

    /// As [`render`], of what is in memory.
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(&mut self, view: &ViewKey) -> serde_json::Result<Option<String>> {
        self.render_with(view, &Stored::default())
    }

    /// As [`render`], with what the store has of what [`wants`] says.
    ///
    /// # Errors
    /// As [`render`].
    pub fn render_with(
        &mut self,
        view: &ViewKey,
        stored: &Stored,
    ) -> serde_json::Result<Option<String>> {
        let (farm, now) = (self.farm, self.now);
        match view {
            ViewKey::Farm => json(Some(front(farm, now))),
            ViewKey::Feed => json(Some(feed(farm, now))),
            // The farm's part: whoever writes it adds how it is doing itself.
            ViewKey::Status => json(Some(status::status(farm, now))),
            ViewKey::Flakes => json(Some(flakes(farm, now))),
            ViewKey::Audit => json(Some(audit(farm, now))),
            ViewKey::Pools => json(Some(pools::pools(farm, now))),
            ViewKey::Grid { repo, branch } => {
                json(farm.branch(repo, branch).map(|of| grid(farm, of, now)))
            }
            ViewKey::Sheet {
                repo,
                branch,
                sheet: number,
            } => {
                let branch = farm.branch(repo, branch);
                json(branch.map(|of| sheet(farm, of, *number, stored, now)))
            }
            ViewKey::Below { .. } => Ok(None),
            ViewKey::Commit { repo, commit } => {
                json(commit::commit(farm, repo, commit, stored, now))
            }
            ViewKey::Set { repo, commit, set } => {
                json(commit::set(farm, (repo, commit), set, stored, now))
            }
            ViewKey::Builder { builder } => {
                json(builder::builder(farm, builder, now, &mut self.explainer))
            }
            ViewKey::Tests { repo, branch } => {
                json(farm.branch(repo, branch).map(|of| tests(farm, of, now)))
            }
            ViewKey::Breakages { repo, branch } => {
                let branch = farm.branch(repo, branch);
                json(branch.map(|of| breakages::of(farm, of, now)))
            }
            ViewKey::Queue { host } => json(Some(queue::of(farm, host, now))),
            ViewKey::Build { id } => {
                json(build::build_by(farm, id, stored, now, &mut self.explainer))
            }
        }
    }
}

fn json<T: Serialize>(view: Option<T>) -> serde_json::Result<Option<String>> {
    view.map(|view| serde_json::to_string(&view)).transpose()
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
    let config = farm.config().repositories.get(name);
    RepositoryView {
        role: config.map(|config| config.role.clone()).unwrap_or_default(),
        import_path: config.and_then(|config| config.import_path.clone()),
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
        standing: Some(standing(farm, machine)),
        aside: set_aside(farm, machine),
    }
}

fn standing(farm: &Farm, machine: &crate::farm::Machine) -> MachineStanding {
    let name = machine.id.name();
    let drain = name.and_then(|name| farm.book().drain(&name));
    match machine.standing {
        Standing::Idle => MachineStanding::Idle,
        Standing::Busy => MachineStanding::Busy,
        Standing::Held => MachineStanding::Held,
        Standing::Unproved => MachineStanding::Unproved,
        Standing::Suspect => MachineStanding::Suspect,
        Standing::HubDraining => MachineStanding::HubDraining,
        Standing::Barred if drain.is_some() => MachineStanding::Drained,
        Standing::Barred => MachineStanding::Aside,
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
