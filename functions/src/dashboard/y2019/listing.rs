//! What was asked for, gathered from views.

use farm_model::id::CommitId;
use farm_model::view::{FarmView, RepositoryView, key};

use super::super::Dashboard;
use super::super::trouble::Trouble;
use super::asked::{Asked, Mode};
use super::merge::page;
use super::rows::{Listing, rows_of};
use super::sections;
use crate::y2019::packages;

/// How programs of 2019 call the default branch.
const TIP: &str = "master";

/// What was asked for.
pub(super) async fn listing(
    dashboard: &Dashboard,
    mode: Mode,
    asked: Asked,
) -> Result<Listing, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = farm.as_ref().map(|farm| &farm.view);
    let Some(farm) = farm.filter(|farm| !farm.repositories.is_empty()) else {
        return Ok(Listing::default());
    };
    let missing = || Trouble::Missing(format!("package {:?} not found", asked.repo));
    let repo = packages::find(farm, &asked.repo).ok_or_else(missing)?;
    if !asked.commits.is_empty() {
        return named(dashboard, repo, &asked.commits).await;
    }
    let branches = branches(repo, mode, &asked.branch)?;
    let mut listing = page(dashboard, repo, &branches, asked.skip()).await?;
    let others = mode == Mode::Json && with_sections(farm, repo, &asked);
    if others && branches.first() == repo.branches.first().as_ref() {
        let rows = sections::of(dashboard, farm, repo).await?;
        listing.add(rows);
    }
    Ok(listing)
}

/// The rows of others, against the main repository, follow the newest of its own.
fn with_sections(farm: &FarmView, repo: &RepositoryView, asked: &Asked) -> bool {
    let main = farm.main().is_some_and(|main| main.name == repo.name);
    main && asked.repo.is_empty() && asked.page == 0
}

fn branches<'a>(
    repo: &'a RepositoryView,
    mode: Mode,
    wanted: &str,
) -> Result<Vec<&'a String>, Trouble> {
    let all = || repo.branches.iter().collect();
    match (mode, wanted) {
        (_, "all" | "mixed") | (Mode::Json, "") => return Ok(all()),
        (Mode::Failures, "") => return Ok(repo.branches.first().into_iter().collect()),
        _ => {}
    }
    let named = repo.branches.iter().find(|branch| *branch == wanted);
    let tip = || repo.branches.first().filter(|_| wanted == TIP);
    let missing = || Trouble::Missing(format!("{} has no branch {wanted:?}", repo.name));
    let found = named.or_else(tip).ok_or_else(missing)?;
    Ok(vec![found])
}

/// Exactly these commits.
async fn named(
    dashboard: &Dashboard,
    repo: &RepositoryView,
    commits: &[CommitId],
) -> Result<Listing, Trouble> {
    let mut listing = Listing::default();
    for commit in commits {
        let document = dashboard
            .commits
            .get(&key::commit(&repo.name, commit))
            .await?;
        let missing = || Trouble::Missing(format!("{} has no commit {commit}", repo.name));
        let document = document.ok_or_else(missing)?;
        let branch = document
            .view
            .places
            .first()
            .map(|(branch, _)| branch.as_str());
        listing.add(rows_of(&document.view, branch.unwrap_or_default()));
    }
    Ok(listing)
}
