//! `farm builds`: the newest commits by builders, and why open builds wait.

mod open;
mod table;

use std::process::ExitCode;

use farm_model::id::RepoName;
use farm_model::view::{FarmView, GridView, Status};
use jiff::Timestamp;
use serde::Serialize;

use crate::lookup::Pages;
use crate::server::ServerArgs;
use crate::session::Session;
use crate::text::{Tone, age, counted, paint, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm builds                                  the default branch of each repository
  farm builds --repo sample --branch release
  farm builds -n 30 --server https://farm.example.org
  farm builds --json | jq '.farm.open[].why'

With --json: {\"farm\": …, \"grids\": […]}, the documents behind the pages, whole and on one line.")]
pub struct Args {
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    repo: Option<RepoName>,
    /// This branch [default: the repository's default branch]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// How many commits of each branch
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    commits: usize,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    farm: &'a FarmView,
    grids: &'a [GridView],
}

/// Shows the builds.
///
/// # Errors
/// There is no such branch, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let pages = Pages::chosen(&server, args.repo.as_ref(), args.branch.as_deref()).await?;
    let said = if args.json {
        let (farm, grids) = (&pages.farm, pages.grids.as_slice());
        serde_json::to_string(&Document { farm, grids })?
    } else {
        let now = session.clock.now();
        sections(args, &pages, now, session.colours).join("\n\n")
    };
    session.print(&said)?;
    Ok(ExitCode::SUCCESS)
}

fn sections(args: &Args, pages: &Pages, now: Timestamp, colours: bool) -> Vec<String> {
    let mut sections = vec![summary(&pages.farm, now, colours)];
    for grid in &pages.grids {
        let title = format!("{} {}", grid.repo, plain(&grid.branch));
        let table = table::render(grid, args.commits, colours);
        sections.push(format!("{title}\n{table}"));
    }
    sections.extend(open::render(&pages.farm, args.repo.as_ref(), now, colours));
    sections
}

/// The farm in a line, and its troubles.
fn summary(farm: &FarmView, now: Timestamp, colours: bool) -> String {
    let busy = farm
        .machines
        .iter()
        .filter(|machine| machine.busy.is_some());
    let mut lines = vec![format!(
        "{}: {}, {} busy; {} open; {}",
        plain(&farm.name),
        counted(farm.machines.len(), "machine", "machines"),
        busy.count(),
        counted(farm.open_count, "build", "builds"),
        told(farm.made, now),
    )];
    if farm.repositories.is_empty() {
        lines.push("no repository has been read yet".to_owned());
    }
    for trouble in &farm.troubles {
        let text = format!("trouble: {}", plain(trouble));
        lines.push(paint(colours, Tone::Bad, &text));
    }
    lines.join("\n")
}

/// How old the document is: the pages stay up while the farm behind them is away.
fn told(made: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(made).as_secs();
    format!("last change told {} ago", age(seconds))
}

/// The colour of a state.
fn tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Lost => Tone::Odd,
        Status::Queued | Status::Running => Tone::Quiet,
    }
}
