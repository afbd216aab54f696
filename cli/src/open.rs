//! `farm open`: the page of a build, a commit or a builder, in the browser.

use std::io::IsTerminal;
use std::process::{Command, ExitCode, Stdio};

use farm_model::id::{BuilderName, CommitId};

use crate::lookup::{Pages, Wanted};
use crate::server::{Server, ServerArgs};
use crate::session::Session;

/// What opens an address, where the system has such a thing.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(target_os = "windows") {
    "explorer"
} else {
    "xdg-open"
};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm open                         the front page
  farm open lint@5b0c9d1e           a build
  farm open 5b0c9d1e                a commit, or the build whose id begins so
  farm open lint                    a builder
  farm open lint --print            its address alone

Prints the address, and opens it in a browser unless --print is given or standard output is no terminal.")]
pub struct Args {
    /// A builder, a commit's or build's id or its first digits, or BUILDER@COMMIT
    #[arg(value_name = "WHAT")]
    what: Option<String>,
    /// Print the address alone
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the address of a page, and opens it.
///
/// # Errors
/// Nothing fits, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let address = match &args.what {
        None => server.page(&[], &[]),
        Some(what) => address(&server, what).await?,
    };
    session.print(&address)?;
    if !args.print && std::io::stdout().is_terminal() {
        open(&address, session);
    }
    Ok(ExitCode::SUCCESS)
}

async fn address(server: &Server, what: &str) -> anyhow::Result<String> {
    let pages = Pages::all(server).await?;
    if let Some(builder) = what.parse().ok().filter(|name| is_builder(&pages, name)) {
        return Ok(server.page(&["builder", builder.as_str()], &[]));
    }
    if let Some((repo, commit)) = commit(&pages, what) {
        let repo = [("repo", repo.as_str())];
        return Ok(server.page(&["commits", commit.as_str()], &repo));
    }
    let wanted: Wanted = what.parse().map_err(anyhow::Error::msg)?;
    let build = pages.build(&wanted)?;
    Ok(server.page(&["build", build.as_str()], &[]))
}

fn is_builder(pages: &Pages, name: &BuilderName) -> bool {
    let mut all = pages.grids.iter().flat_map(|grid| &grid.builders);
    all.any(|builder| builder == name)
}

/// The one commit among the newest whose id begins so.
fn commit(pages: &Pages, what: &str) -> Option<(farm_model::id::RepoName, CommitId)> {
    let prefix: crate::lookup::CommitPrefix = what.parse().ok()?;
    let rows = pages.grids.iter().flat_map(|grid| {
        let rows = grid.rows.iter();
        rows.map(|row| (grid.repo.clone(), row.commit.id.clone()))
    });
    let mut fitting: Vec<_> = rows.filter(|(_, commit)| prefix.fits(commit)).collect();
    fitting.sort();
    fitting.dedup();
    match fitting.len() {
        1 => fitting.pop(),
        _ => None,
    }
}

/// A browser that cannot be had is no failure: the address was printed.
fn open(address: &str, session: &mut Session) {
    let quiet = || Stdio::null();
    let started = Command::new(OPENER)
        .arg(address)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .status();
    if !started.is_ok_and(|status| status.success()) {
        session.note(&format!("{OPENER} does not open it: open it yourself"));
    }
}
