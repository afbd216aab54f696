//! `POST /retrybuilds`: from time to time, what failed by chance alone or was lost is run again, within a budget (spec
//! `dashboard.md` 11: what `retrybuilds -redo-flaky` was for). Whoever calls it, and however often: each run opens one other.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use farm_core::again::{ACTOR, Candidate, candidates, is_worth};
use farm_model::message::command::{Ask, Command};
use farm_model::view::{BuildView, FarmView, GridView, key};
use tracing::Instrument;

use super::Retry;
use crate::publish::Unpublished;
use crate::traced;

/// Branches that are looked at: the default ones first.
const BRANCHES: usize = 50;
/// Builds that are looked at.
const LOOKED: usize = 60;
/// Builds that are run again.
const BUDGET: usize = 20;

pub(super) async fn post(
    State(retry): State<Arc<Retry>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let (span, parent) = traced::command(&headers, &retry.ids);
    let again = async {
        let commands = retry.worth().await.map_err(Unpublished::Again)?;
        if !commands.is_empty() {
            retry.publish(&commands, &parent).await?;
            tracing::info!(count = commands.len(), "builds to be run again");
        }
        Ok(commands.len())
    };
    match again.instrument(span).await {
        Ok(count) => Ok(format!("{count} builds are run again\n")),
        Err(Unpublished::Again(error) | Unpublished::Never(error)) => {
            tracing::error!(%error, "nothing is run again");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

impl Retry {
    async fn worth(&self) -> Result<Vec<Command>, String> {
        let grids = self.grids().await?;
        let found = candidates(&grids.iter().collect::<Vec<_>>());
        let mut commands = Vec::new();
        for candidate in found.iter().take(LOOKED) {
            if commands.len() == BUDGET {
                break;
            }
            let view = self.documents.read(&key::build(&candidate.build)).await?;
            if view.is_some_and(|view: BuildView| is_worth(&view, candidate)) {
                commands.push(command(candidate)?);
            }
        }
        Ok(commands)
    }

    async fn grids(&self) -> Result<Vec<GridView>, String> {
        let Some(farm) = self.documents.read::<FarmView>(key::FARM).await? else {
            return Ok(Vec::new());
        };
        let all = farm.repositories.iter().flat_map(|repo| {
            let branches = repo.branches.iter().enumerate();
            branches.map(move |(index, branch)| (index, &repo.name, branch))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(index, ..)| *index);
        let mut grids = Vec::new();
        for (_, repo, branch) in all.into_iter().take(BRANCHES) {
            grids.extend(self.documents.read(&key::grid(repo, branch)).await?);
        }
        Ok(grids)
    }
}

/// By the same name however often the run is looked at.
fn command(candidate: &Candidate) -> Result<Command, String> {
    let id = format!("again-{}-{}", candidate.build, candidate.run);
    Ok(Command {
        id: id.parse().map_err(|error| format!("{error}"))?,
        actor: ACTOR.to_owned(),
        ask: Ask::Retry {
            build: candidate.build.clone(),
        },
    })
}
