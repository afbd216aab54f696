//! Several at once. What goes wrong with one is told, and the others go on.

use std::process::ExitCode;
use std::sync::Arc;

use farm_model::message::command::Ask;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Args, Which};
use crate::failures::{self, Failed, failed, flaky, read_log};
use crate::lookup::Pages;
use crate::server::Server;
use crate::session::Session;
use crate::text::{counted, plain};

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Fate {
    /// Its log does not fit.
    Other,
    /// It would be retried.
    Found,
    /// It is.
    Asked,
    /// It is not.
    Failed { why: String },
}

/// As a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    builder: &'a str,
    commit: &'a str,
    repo: &'a str,
    build: &'a str,
    run: u32,
    #[serde(flatten)]
    fate: &'a Fate,
}

/// Looks through what failed and retries what fits.
///
/// # Errors
/// There is no token, or the farm cannot be asked at all.
pub(super) async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let token = match args.which.dry_run {
        true => String::new(),
        false => args.credential.token(args.server.is_local(), session)?,
    };
    let server = args.server.open()?;
    let (repo, branch) = (args.which.repo.as_ref(), args.which.branch.as_deref());
    let pages = Pages::chosen(&server, repo, branch).await?;
    let which = failures::Which {
        builder: args.builder.as_ref(),
        commit: args.commit.as_ref(),
        log_hash: args.which.log_hash.as_deref(),
    };
    let found = search(&server, failed(&pages, &which), &args.which).await;
    let mut counts = (0, 0);
    for (failed, fate) in found {
        let fate = match fate {
            Fate::Found if !args.which.dry_run => retry(&server, &failed, &token).await,
            fate => fate,
        };
        tell(&failed, &fate, args.which.json, session)?;
        match fate {
            Fate::Other => {}
            Fate::Found | Fate::Asked => counts.0 += 1,
            Fate::Failed { .. } => counts.1 += 1,
        }
    }
    let done = if args.which.dry_run {
        "found"
    } else {
        "asked for"
    };
    let (good, bad) = counts;
    session.note(&format!(
        "{done} {}; {bad} failed",
        counted(good, "build", "builds")
    ));
    Ok(match bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// What their logs say, in the order in which they were given.
async fn search(server: &Server, all: Vec<Failed>, which: &Which) -> Vec<(Failed, Fate)> {
    if !which.flaky && which.substring.is_none() {
        return all
            .into_iter()
            .map(|failed| (failed, Fate::Found))
            .collect();
    }
    let turns = Arc::new(Semaphore::new(usize::from(which.at_once)));
    let mut reading = JoinSet::new();
    for (index, failed) in all.into_iter().enumerate() {
        let (server, which, turns) = (server.clone(), which.clone(), Arc::clone(&turns));
        reading.spawn(async move {
            let turn = turns.acquire_owned().await;
            let fate = match read_log(&server, &failed).await {
                Ok(log) => judge(&which, &String::from_utf8_lossy(&log)),
                Err(error) => Fate::Failed {
                    why: format!("{error:#}"),
                },
            };
            drop(turn);
            (index, failed, fate)
        });
    }
    let mut found = reading.join_all().await;
    found.sort_by_key(|(index, ..)| *index);
    found
        .into_iter()
        .map(|(_, failed, fate)| (failed, fate))
        .collect()
}

fn judge(which: &Which, log: &str) -> Fate {
    let has = which
        .substring
        .as_deref()
        .is_none_or(|text| log.contains(text));
    if has && (!which.flaky || flaky::is_flaky(log)) {
        Fate::Found
    } else {
        Fate::Other
    }
}

async fn retry(server: &Server, failed: &Failed, token: &str) -> Fate {
    let build = failed.build.clone();
    match server.command(&Ask::Retry { build }, token).await {
        Ok(Ok(_)) => Fate::Asked,
        Ok(Err(why)) => Fate::Failed { why },
        Err(error) => Fate::Failed {
            why: error.to_string(),
        },
    }
}

fn tell(failed: &Failed, fate: &Fate, json: bool, session: &mut Session) -> anyhow::Result<()> {
    if *fate == Fate::Other {
        return Ok(());
    }
    if json {
        return session.print(&serde_json::to_string(&Line {
            builder: failed.builder.as_str(),
            commit: failed.commit.as_str(),
            repo: failed.repo.as_str(),
            build: failed.build.as_str(),
            run: failed.run,
            fate,
        })?);
    }
    let (name, reason) = (failed.name(), plain(&failed.reason));
    match fate {
        Fate::Other => Ok(()),
        Fate::Found => session.print(&format!("would ask for another run of {name}: {reason}")),
        Fate::Asked => session.print(&format!("asked for another run of {name}: {reason}")),
        Fate::Failed { why } => {
            session.note(&format!("{name} is not retried: {}", plain(why)));
            Ok(())
        }
    }
}
