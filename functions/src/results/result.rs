//! `POST /result`: a builder whose machines are not ours tells what came of a commit (spec `dashboard.md` 4.6, 13).

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use farm_model::id::{AttemptKey, BuilderName, LogHash};
use farm_model::message::command::{Ask, Command, ExternalLog, ExternalResult};
use farm_model::record::{Against, BuildKey, BuildKind};
use farm_model::view::{BuildLine, CommitView, Status};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::Results;
use super::body::object;
use crate::publish::{self, Unpublished};
use crate::traced;
use crate::y2019::envelope::{Done, Refusal};

/// The version in which builders speak.
const VERSION: u32 = 1;
/// Bytes of a log, with its escapes as JSON has them: what a platform takes in one request.
pub(super) const LARGEST: usize = 4 << 20;
/// Who publishes.
const PUBLISHER: &str = "/functions/results";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sender {
    builder: String,
    key: String,
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    packagepath: String,
    builder: String,
    hash: String,
    gohash: String,
    ok: bool,
    log: String,
    /// Nanoseconds.
    runtime: i64,
}

pub(super) async fn post(
    State(results): State<Arc<Results>>,
    Query(sender): Query<Sender>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Done, Refusal> {
    let now = results.clock.now();
    results.authenticate(&sender.builder, &sender.key, &headers, now)?;
    let version = sender.version.parse().unwrap_or(0);
    if version != VERSION {
        return Err(Refusal::bad(format!(
            "rejecting POST from builder; need version {VERSION} instead of {version}"
        )));
    }
    let told: Told = object(&body)?;
    told.check(&sender.builder)?;
    let (span, parent) = traced::command(&headers, &results.ids);
    let recording = async {
        let command = results.command(&told, &sender.builder).await?;
        let commands = [command];
        let published = publish::commands(&results.bus, PUBLISHER, &commands, &parent, now).await;
        published.map_err(|error| match error {
            Unpublished::Again(error) => Refusal::later_2019(error),
            Unpublished::Never(error) => Refusal::bad(error),
        })
    };
    recording.instrument(span).await?;
    tracing::info!(builder = %sender.builder, ok = told.ok, "a result");
    Ok(Done::silent())
}

impl Told {
    fn check(&self, builder: &str) -> Result<(), Refusal> {
        let bad = |what: &str| Err(Refusal::bad(format!("validating Result: {what}")));
        if !self.builder.is_empty() && self.builder != builder {
            let text = "the key is another builder's than the result";
            return Err(Refusal::of(StatusCode::FORBIDDEN, text));
        }
        match (self.hash.as_str(), self.packagepath.as_str()) {
            ("", _) => bad("invalid Hash"),
            (_, path) if !path.is_empty() && self.gohash.is_empty() => bad("invalid GoHash"),
            _ => Ok(()),
        }
    }
}

impl Results {
    /// Stores the log, and says what happened. The same told twice is one command.
    async fn command(&self, told: &Told, builder: &str) -> Result<Command, Refusal> {
        let builder: BuilderName = builder.parse().map_err(bad)?;
        let not_found = || Refusal::of(StatusCode::NOT_FOUND, "Commit not found");
        let found = self.find(&told.packagepath, &told.hash).await?;
        let (_, view) = found.ok_or_else(not_found)?;
        let line = line(&view, &builder, &told.gohash);
        let key = match line {
            Some(line) => key(&view, builder.clone(), &line.branch, line.against.clone()),
            None => {
                let against = self.against(&told.gohash).await?;
                let place = view.places.first().ok_or_else(not_found)?;
                key(&view, builder.clone(), &place.0, against)
            }
        };
        let run = line.map_or(1, next_run);
        let log = match told.log.is_empty() {
            true => None,
            false => Some(self.store(&told.log, &key, run).await?),
        };
        let result = ExternalResult {
            key,
            ok: told.ok,
            milliseconds: u64::try_from(told.runtime / 1_000_000).unwrap_or(0),
            log,
        };
        let text = serde_json::to_vec(&(&result, run)).map_err(Refusal::later)?;
        Ok(Command {
            id: hex::encode(&Sha256::digest(text)[..16])
                .parse()
                .map_err(bad)?,
            actor: format!("builder:{builder}"),
            ask: Ask::Result(result),
        })
    }

    /// The commit of the main repository that a package was built with.
    async fn against(&self, hash: &str) -> Result<Option<Against>, Refusal> {
        if hash.is_empty() {
            return Ok(None);
        }
        let found = self.find("", hash).await?;
        let missing = || Refusal::of(StatusCode::NOT_FOUND, "Commit of GoHash not found");
        let (_, main) = found.ok_or_else(missing)?;
        let place = main.places.first().ok_or_else(missing)?;
        Ok(Some(Against {
            repo: main.repo.clone(),
            commit: main.commit.id.clone(),
            branch: place.0.clone(),
        }))
    }

    /// Puts a log where the build's own are, under a name that no other log of the run has.
    async fn store(&self, log: &str, key: &BuildKey, run: u32) -> Result<ExternalLog, Refusal> {
        let hash = hex::encode(Sha1::digest(log));
        let name = format!("{}/{run}/external-{}/1", key.id(), &hash[..16]);
        let attempt: AttemptKey = name.parse().map_err(bad)?;
        let hash: LogHash = hash.parse().map_err(bad)?;
        let bytes = Bytes::copy_from_slice(log.as_bytes());
        let stored = self.bucket.put_log_chunk(&attempt, 0, bytes).await;
        stored.map_err(Refusal::later_2019)?;
        let noted = self.bucket.put_log_hash(&hash, &attempt).await;
        noted.map_err(Refusal::later_2019)?;
        Ok(ExternalLog {
            attempt,
            bytes: log.len() as u64,
            hash,
        })
    }
}

fn bad(error: impl Display) -> Refusal {
    Refusal::bad(error.to_string())
}

fn key(
    view: &CommitView,
    builder: BuilderName,
    branch: &str,
    against: Option<Against>,
) -> BuildKey {
    BuildKey {
        builder,
        repo: view.repo.clone(),
        commit: view.commit.id.clone(),
        branch: branch.to_owned(),
        kind: BuildKind::PostSubmit,
        against,
    }
}

/// The build that the result is of, where it is known already.
fn line<'a>(view: &'a CommitView, builder: &BuilderName, against: &str) -> Option<&'a BuildLine> {
    view.builds.iter().find(|line| {
        let to = line.against.as_ref().map_or("", |to| to.commit.as_str());
        line.builder == *builder && line.kind == BuildKind::PostSubmit && to == against
    })
}

/// The run that the result will end: the open one, or another.
fn next_run(line: &BuildLine) -> u32 {
    match line.status {
        Status::Queued | Status::Running => line.run,
        Status::Ok | Status::Failed | Status::Lost => line.run + 1,
    }
}
