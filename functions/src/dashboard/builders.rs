//! All builders, and how each did on the newest commit of each branch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::id::BuilderName;
use farm_model::view::{BuilderSummary, BuildersAnswer, FarmView, GridView, Head, key};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::Dashboard;
use super::api::nothing_yet;
use super::cells::Badge;
use super::links;
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::text::{Moment, seconds};
use super::trouble::Trouble;
use super::views::Document;

/// Branches that are looked at, default branches first.
const BRANCHES: usize = 60;
/// Documents read at once.
const AT_ONCE: usize = 16;
/// For so long, what was put together is shown again: it takes a document of each branch and each builder.
const GOOD: Duration = Duration::from_secs(2);

/// What was put together last, and when. Its lock is held meanwhile: all who ask share the work.
#[derive(Default)]
pub(super) struct Summary(tokio::sync::Mutex<Option<(Instant, Arc<BuildersAnswer>)>>);

#[derive(Template)]
#[template(path = "builders.html")]
struct Page {
    shell: Shell,
    lines: Vec<Line>,
    left_out: usize,
}

struct Line {
    name: String,
    page: String,
    heads: Vec<HeadPart>,
    usual: String,
    /// Name and queue.
    host: Option<(String, String)>,
    pause: Option<Paused>,
}

struct HeadPart {
    badge: Badge,
    build: String,
    place: String,
    why: String,
}

struct Paused {
    actor: String,
    reason: String,
    at: Moment,
}

impl Summary {
    async fn get(&self, dashboard: &Dashboard) -> Result<Arc<BuildersAnswer>, Trouble> {
        let mut known = self.0.lock().await;
        if let Some((at, answer)) = &*known
            && at.elapsed() < GOOD
        {
            return Ok(Arc::clone(answer));
        }
        let answer = Arc::new(all(dashboard).await?);
        *known = Some((Instant::now(), Arc::clone(&answer)));
        Ok(answer)
    }
}

async fn all(dashboard: &Dashboard) -> Result<BuildersAnswer, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = &farm.ok_or_else(nothing_yet)?.view;
    let (keys, branches_left_out) = branches(farm);
    let grids = stream::iter(keys).map(|key| async move { dashboard.grids.get(&key).await });
    let grids: Vec<_> = grids.buffered(AT_ONCE).try_collect().await?;
    let grids: Vec<Arc<Document<GridView>>> = grids.into_iter().flatten().collect();
    let heads = heads(grids.iter().map(|grid| &grid.view));
    let builders = stream::iter(heads).map(|(name, heads)| summary(dashboard, name, heads));
    let made = grids.iter().map(|grid| grid.view.made);
    Ok(BuildersAnswer {
        made: made.fold(farm.made, Timestamp::max),
        builders: builders.buffered(AT_ONCE).try_collect().await?,
        branches_left_out,
    })
}

/// The grids' keys, default branches first, and how many there are beyond.
fn branches(farm: &FarmView) -> (Vec<String>, usize) {
    let all = farm.repositories.iter().flat_map(|repo| {
        let branches = repo.branches.iter().enumerate();
        branches.map(|(place, branch)| (place > 0, key::grid(&repo.name, branch)))
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(other, _)| *other);
    let more = all.len().saturating_sub(BRANCHES);
    let keys = all.into_iter().take(BRANCHES).map(|(_, key)| key);
    (keys.collect(), more)
}

/// By builder: the newest commit of each branch that it builds.
fn heads<'a>(grids: impl Iterator<Item = &'a GridView>) -> BTreeMap<BuilderName, Vec<Head>> {
    let mut heads = BTreeMap::<BuilderName, Vec<Head>>::new();
    for grid in grids {
        for (column, builder) in grid.builders.iter().enumerate() {
            let heads = heads.entry(builder.clone()).or_default();
            heads.extend(head(grid, column));
        }
    }
    heads
}

fn head(grid: &GridView, column: usize) -> Option<Head> {
    let cells = grid
        .rows
        .iter()
        .map(|row| (row, row.cells.get(column).and_then(Option::as_ref)));
    let (row, cell) = cells
        .filter_map(|(row, cell)| cell.map(|cell| (row, cell)))
        .next()?;
    Some(Head {
        repo: grid.repo.clone(),
        branch: grid.branch.clone(),
        commit: row.commit.id.clone(),
        build: cell.build.clone(),
        run: cell.run,
        status: cell.status,
        failure: cell.failure.clone(),
    })
}

async fn summary(
    dashboard: &Dashboard,
    builder: BuilderName,
    heads: Vec<Head>,
) -> Result<BuilderSummary, Trouble> {
    let document = dashboard.builders.get(&key::builder(&builder)).await?;
    let view = document.as_ref().map(|document| &document.view);
    Ok(BuilderSummary {
        host_type: view.and_then(|view| view.host_type.clone()),
        pause: view.and_then(|view| view.pause.clone()),
        usual: view.and_then(|view| view.usual),
        builder,
        heads,
    })
}

pub(super) async fn json(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    let answer = dashboard.summary.get(&dashboard).await?;
    Ok(axum::Json(&*answer).into_response())
}

pub(super) async fn page(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Trouble> {
    let answer = dashboard.summary.get(&dashboard).await?;
    let page = Page {
        shell: Shell::new("Builders", &dashboard.name().await?, Some(answer.made))
            .on(Section::Builders),
        lines: answer.builders.iter().map(line).collect(),
        left_out: answer.branches_left_out,
    };
    Ok(Html(page.render()?).into_response())
}

fn line(of: &BuilderSummary) -> Line {
    let host = of.host_type.as_ref();
    Line {
        name: of.builder.to_string(),
        page: links::builder(&of.builder),
        heads: of.heads.iter().map(head_part).collect(),
        usual: of
            .usual
            .map_or_else(String::new, |usual| seconds(usual.seconds)),
        host: host.map(|host| (host.to_string(), links::queue(host))),
        pause: of.pause.as_ref().map(|pause| Paused {
            actor: pause.actor.clone(),
            reason: pause.reason.clone(),
            at: Moment(pause.at),
        }),
    }
}

fn head_part(head: &Head) -> HeadPart {
    let failure = head.failure.as_ref();
    HeadPart {
        badge: head.status.into(),
        build: head.build.to_string(),
        place: format!("{} \u{b7} {}", head.repo, head.branch),
        why: failure.map_or_else(String::new, |failure| failure.reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_branches_are_looked_at_first_and_the_rest_is_counted() {
        let repo = |name: &str, branches: usize| farm_model::view::RepositoryView {
            name: name.parse().unwrap(),
            branches: (0..branches).map(|n| format!("b{n}")).collect(),
            role: farm_model::config::Role::Alone,
            import_path: None,
        };
        let farm = FarmView {
            made: Timestamp::UNIX_EPOCH,
            name: String::new(),
            repositories: vec![repo("a", BRANCHES), repo("b", 2)],
            machines: Vec::new(),
            open: Vec::new(),
            open_count: 0,
            away: Vec::new(),
            troubles: Vec::new(),
        };
        let (keys, more) = branches(&farm);
        assert_eq!(keys[..2], ["grid/a/-/b0.json", "grid/b/-/b0.json"]);
        assert_eq!((keys.len(), more), (BRANCHES, 2));
    }
}
