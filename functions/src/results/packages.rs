//! `/packages`: repositories, as mirrors of 2019 ask for them.

use std::sync::Arc;

use axum::extract::{Query, State};
use farm_model::view::{FarmView, GridView, RepositoryView, key};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Results;
use crate::y2019::envelope::{Done, Refusal};
use crate::y2019::packages::{self, Kind};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    kind: String,
}

/// Keys and their order are a promise (spec `dashboard.md` 4.3).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Package {
    kind: &'static str,
    name: String,
    path: String,
    next_num: u64,
}

pub(super) async fn list(
    State(results): State<Arc<Results>>,
    Query(wanted): Query<Wanted>,
) -> Result<Done, Refusal> {
    let kinds = [Kind::External, Kind::Subrepo];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == wanted.kind);
    let bad = || Refusal::bad("kind must be one of \"external\" or \"subrepo\"");
    let kind = kind.ok_or_else(bad)?;
    let farm = results.documents.read::<FarmView>(key::FARM).await;
    let Some(farm) = farm.map_err(Refusal::later)? else {
        return Ok(Done::silent());
    };
    let mut reading = Vec::new();
    for repo in &farm.repositories {
        if packages::kind(&farm, repo) == Some(kind) {
            reading.push(results.package(kind, repo));
        }
    }
    let mut packages = try_join_all(reading).await?;
    packages.sort_by(|a, b| a.path.cmp(&b.path));
    // As Go writes a list in which nothing is.
    Done::saying(&Some(packages).filter(|all| !all.is_empty()))
}

impl Results {
    async fn package(&self, kind: Kind, repo: &RepositoryView) -> Result<Package, Refusal> {
        let total = match repo.branches.first() {
            None => 0,
            Some(branch) => {
                let key = key::grid(&repo.name, branch);
                let grid = self.documents.read::<GridView>(&key).await;
                grid.map_err(Refusal::later)?.map_or(0, |grid| grid.total)
            }
        };
        Ok(Package {
            kind: kind.as_str(),
            name: repo.name.to_string(),
            path: repo.import_path(),
            next_num: total + 1,
        })
    }
}
