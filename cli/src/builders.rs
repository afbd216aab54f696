//! `farm builders`: each builder, how it stands on the heads, how long it usually takes, and whether it is paused.

use std::process::ExitCode;

use farm_model::id::{BuilderName, HostType, RepoName};
use farm_model::view::{BuilderView, Status};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::lookup::Pages;
use crate::server::{Server, ServerArgs};
use crate::session::Session;
use crate::text::{columns, plain};

/// Documents that are read at the same time.
const AT_ONCE: usize = 8;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm builders
  farm builders --repo sample --branch release
  farm builders --json | jq -r '.[] | select(.pause) | .builder'

Of each: its state on the newest commit of the branch that it has built or is building, how long its builds usually take,
its host type, and why it is paused.")]
pub struct Args {
    /// Only of this repository
    #[arg(long, value_name = "NAME")]
    repo: Option<RepoName>,
    /// Of this branch [default: the repository's default branch]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// A builder on a branch.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    builder: BuilderName,
    repo: RepoName,
    branch: String,
    /// Of the newest commit that has a build of it; none where none has.
    head: Option<Status>,
    host_type: Option<HostType>,
    usual_seconds: Option<f64>,
    pause: Option<String>,
}

/// Lists them.
///
/// # Errors
/// There is no such branch, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let pages = Pages::chosen(&server, args.repo.as_ref(), args.branch.as_deref()).await?;
    let mut lines = lines(&pages);
    let names = lines.iter().map(|line| line.builder.clone()).collect();
    let known = documents(&server, names).await?;
    for line in &mut lines {
        if let Some(view) = known.iter().find(|view| view.builder == line.builder) {
            line.host_type.clone_from(&view.host_type);
            line.usual_seconds = view.usual.map(|usual| usual.seconds);
            line.pause = view.pause.as_ref().map(|pause| pause.reason.clone());
        }
    }
    if args.json {
        session.print(&serde_json::to_string_pretty(&lines)?)?;
    } else {
        let head = [
            "builder",
            "repository",
            "branch",
            "head",
            "usually",
            "hosts",
            "",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(lines.iter().map(row));
        session.print(&columns(&rows).join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(pages: &Pages) -> Vec<Line> {
    let mut lines = Vec::new();
    for grid in &pages.grids {
        for (index, builder) in grid.builders.iter().enumerate() {
            let mut cells = grid.rows.iter().map(|row| row.cells.get(index));
            let head = cells.find_map(|cell| cell.and_then(Option::as_ref));
            lines.push(Line {
                builder: builder.clone(),
                repo: grid.repo.clone(),
                branch: grid.branch.clone(),
                head: head.map(|cell| cell.status),
                host_type: None,
                usual_seconds: None,
                pause: None,
            });
        }
    }
    lines
}

/// What the farm tells of each; nothing of those of which it has not written anything.
async fn documents(
    server: &Server,
    mut names: Vec<BuilderName>,
) -> anyhow::Result<Vec<BuilderView>> {
    names.sort();
    names.dedup();
    let mut views = Vec::new();
    for some in names.chunks(AT_ONCE) {
        let mut reading = JoinSet::new();
        for name in some {
            let (server, name) = (server.clone(), name.clone());
            reading.spawn(async move { server.builder(&name).await });
        }
        for read in reading.join_all().await {
            views.extend(read?);
        }
    }
    Ok(views)
}

fn row(line: &Line) -> Vec<String> {
    let usual = line.usual_seconds.map(|seconds| match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    });
    let pause = line.pause.as_ref().map(|why| match why.as_str() {
        "" => "paused".to_owned(),
        why => format!("paused: {}", plain(why)),
    });
    let host = line.host_type.as_ref().map(ToString::to_string);
    vec![
        line.builder.to_string(),
        line.repo.to_string(),
        plain(&line.branch),
        line.head.map_or("-", Status::as_str).to_owned(),
        usual.unwrap_or_else(|| "-".to_owned()),
        host.unwrap_or_else(|| "-".to_owned()),
        pause.unwrap_or_default(),
    ]
}
