//! `/commit`: what mirrors of 2019 look up, and tell.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use farm_model::id::CommitId;
use farm_model::view::{CommitView, FarmView, key};
use serde::{Deserialize, Serialize};

use super::Results;
use super::body::object;
use crate::y2019::envelope::{Done, Refusal};
use crate::y2019::{json, packages};

/// What a mirror of 2019 takes for "post it to me".
const NOT_FOUND: &str = "Commit not found";
/// What it takes for "later, and begin with its parent".
const NO_PARENT: &str = "parent commit not found";
/// What only mirrors may do.
const MASTER: &str = "can only POST commits with master key";
/// The version in which mirrors speak.
const VERSION: u32 = 3;
/// Of a description, in bytes (spec `dashboard.md` 2.4).
const DESCRIPTION: usize = 500;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Wanted {
    package_path: String,
    hash: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sender {
    key: String,
    version: String,
}

/// What a mirror tells, as far as we look at it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct Told {
    packagepath: String,
    hash: String,
}

/// A commit of 2019: keys and their order are a promise (spec `dashboard.md` 4.1).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Commit<'a> {
    package_path: &'a str,
    hash: &'a str,
    parent_hash: &'a str,
    num: u64,
    user: String,
    desc: &'a str,
    time: String,
    needs_benchmarking: bool,
    try_patch: bool,
    branch: &'a str,
    result_data: Option<()>,
    perf_results: Option<()>,
    fail_notification_sent: bool,
}

pub(super) async fn look_up(
    State(results): State<Arc<Results>>,
    Query(wanted): Query<Wanted>,
) -> Result<Done, Refusal> {
    if wanted.hash.is_empty() {
        return Err(Refusal::bad("must specify a hash"));
    }
    let found = results.find(&wanted.package_path, &wanted.hash).await?;
    let (path, view) = found.ok_or_else(|| Refusal::of(StatusCode::OK, NOT_FOUND))?;
    Done::saying(&commit(&path, &view))
}

pub(super) async fn tell(
    State(results): State<Arc<Results>>,
    Query(sender): Query<Sender>,
    body: Bytes,
) -> Result<Done, Refusal> {
    results.keys.check_master(&sender.key, MASTER)?;
    let version = sender.version.parse().unwrap_or(0);
    if version != VERSION {
        return Err(Refusal::bad(format!(
            "rejecting POST from commit watcher; need version {VERSION} instead of {version}"
        )));
    }
    let told: Told = object(&body)?;
    if told.hash.is_empty() {
        return Err(Refusal::bad("validating Commit: invalid Hash"));
    }
    // It will be known once the coordinator has read it from git.
    match results.find(&told.packagepath, &told.hash).await? {
        Some(_) => Ok(Done::silent()),
        None => Err(Refusal::of(StatusCode::OK, NO_PARENT)),
    }
}

impl Results {
    /// A commit of a package, with that package's path as we would say it.
    pub(super) async fn find(
        &self,
        path: &str,
        hash: &str,
    ) -> Result<Option<(String, CommitView)>, Refusal> {
        let farm = self.documents.read::<FarmView>(key::FARM).await;
        let Some(farm) = farm.map_err(Refusal::later)? else {
            return Ok(None);
        };
        let (Some(repo), Ok(commit)) = (packages::find(&farm, path), hash.parse::<CommitId>())
        else {
            return Ok(None);
        };
        let view = self.documents.read(&key::commit(&repo.name, &commit)).await;
        let view = view.map_err(Refusal::later)?;
        Ok(view.map(|view| (packages::path(&farm, repo), view)))
    }
}

fn commit<'a>(path: &'a str, view: &'a CommitView) -> Commit<'a> {
    let commit = &view.commit;
    let place = view.places.first();
    Commit {
        package_path: path,
        hash: commit.id.as_str(),
        parent_hash: commit.parents.first().map_or("", |parent| parent.as_str()),
        // Numbers of 2019 count from 1.
        num: place.map_or(1, |(_, number)| number + 1),
        user: format!("{} <{}>", commit.author, commit.email),
        desc: json::cut(&commit.subject, DESCRIPTION),
        time: commit.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        needs_benchmarking: false,
        try_patch: false,
        branch: place.map_or("", |(branch, _)| branch.as_str()),
        result_data: None,
        perf_results: None,
        fail_notification_sent: false,
    }
}
