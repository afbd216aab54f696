//! `farm explain`: why a build waits, or where it runs.

use std::process::ExitCode;

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::reason::Reason;
use farm_model::record::{Run, Verdict};
use farm_model::view::{BuildView, Expected, Status};
use serde::Serialize;

use crate::lookup::{Pages, Wanted};
use crate::server::{Server, ServerArgs};
use crate::session::Session;
use crate::text::{Tone, age, paint, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm explain 3f2a                            a build, by the first digits of its id
  farm explain lint@5b0c9d1e                   by builder and commit
  farm explain lint@5b0c9d1e --json | jq -r .why
  while farm explain 3f2a; do sleep 5; done    as long as it is open

There is exactly one reason for every build that is open; once it is gone, the build goes on.
Exit code: 0 it is open, and this is why it is not over; 1 it is over, and this is how it ended; 3 there is no such build, or \
the farm could not be asked.")]
pub struct Args {
    /// The build: its id or the first digits of it, BUILDER@COMMIT, or one of its attempts
    #[arg(value_name = "BUILD")]
    build: Wanted,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Explained<'a> {
    build: &'a BuildId,
    run: u32,
    builder: &'a BuilderName,
    repo: &'a RepoName,
    commit: &'a CommitId,
    status: Status,
    /// The reason; empty once it is over.
    why: &'a str,
    /// The same as data, where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a Reason>,
    /// What is expected of it, where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a Expected>,
    /// When the run was opened.
    since: Option<Timestamp>,
    /// Once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a Verdict>,
    /// As of when this is so.
    made: Timestamp,
}

impl<'a> Explained<'a> {
    fn new(view: &'a BuildView) -> Self {
        let run: Option<&Run> = view.runs.last();
        Self {
            build: &view.build.id,
            run: view.build.run,
            builder: &view.build.key.builder,
            repo: &view.build.key.repo,
            commit: &view.build.key.commit,
            status: view.status,
            why: &view.why,
            reason: view.reason.as_ref(),
            expected: view.expected.as_ref(),
            since: run.map(|run| run.opened),
            verdict: run.and_then(|run| run.verdict.as_ref()),
            made: view.made,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.status, Status::Queued | Status::Running)
    }

    fn text(&self, now: Timestamp, colours: bool) -> String {
        let tone = match self.status {
            Status::Ok => Tone::Good,
            Status::Failed => Tone::Bad,
            Status::Lost => Tone::Odd,
            Status::Queued | Status::Running => Tone::Quiet,
        };
        let state = paint(colours, tone, self.status.as_str());
        let since = self.since.map_or_else(String::new, |since| {
            format!(" for {}", age(now.duration_since(since).as_secs()))
        });
        let head = format!(
            "{}@{} of {}, run {}: {state}{}",
            self.builder,
            self.commit.short(),
            self.repo,
            self.run,
            if self.is_open() { &since } else { "" },
        );
        let why = match self.verdict {
            Some(verdict) => plain(&verdict.reason),
            None => plain(self.why),
        };
        let expected = self.expected.map(ToString::to_string);
        let lines = [head, why, expected.unwrap_or_default()];
        let said: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        said.join("\n")
    }
}

/// Shows the reason.
///
/// # Errors
/// There is no such build, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let view = find(&server, &args.build).await?;
    let explained = Explained::new(&view);
    let said = if args.json {
        serde_json::to_string(&explained)?
    } else {
        explained.text(session.clock.now(), session.colours)
    };
    session.print(&said)?;
    Ok(if explained.is_open() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn find(server: &Server, wanted: &Wanted) -> anyhow::Result<BuildView> {
    let id = match wanted {
        Wanted::Build(id) => id.clone(),
        Wanted::Attempt(key) => key.build.clone(),
        other => Pages::all(server).await?.build(other)?,
    };
    let view = server.build(&id).await?;
    view.ok_or_else(|| {
        anyhow::anyhow!("there is no build {id}: `farm builds` shows those there are")
    })
}
