//! `farm retry`: builds a commit once more, or all that failed in some way.

mod many;

use std::process::ExitCode;

use anyhow::bail;
use farm_model::id::{BuilderName, RepoName};

use crate::credential::CredentialArgs;
use crate::lookup::{CommitPrefix, Pages};
use crate::server::ServerArgs;
use crate::session::Session;
use crate::text::plain;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm retry lint 5b0c9d1e
  farm retry lint 5b0c9d1e --server https://farm.example.org --token \"$(cat my.token)\"
  farm retry lint 5b0c9d1e --data /var/farm      with that farm's own key
  farm retry --flaky --dry-run                   what failed for no fault of the code, by its log
  farm retry lint --substring 'connection reset' --branch release
  farm retry --log-hash a94a8fe5

The farm forgets what the builder found for the commit and opens the next run. A build that is not over stays as it is.
With --flaky, --substring or --log-hash: each build that failed among the newest commits, and fits.
Exit code: 0 accepted, 1 refused or not possible for some, 3 the farm could not be asked.")]
pub struct Args {
    /// The builder
    #[arg(value_name = "BUILDER")]
    builder: Option<BuilderName>,
    /// The commit: all of its digits, or the first of them if it is among the newest
    #[arg(value_name = "COMMIT", requires = "builder")]
    commit: Option<CommitPrefix>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    credential: CredentialArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which of the failed ones.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// Those whose log's SHA-1 begins so
    #[arg(long, value_name = "HEX")]
    log_hash: Option<String>,
    /// Those whose log has this text in it
    #[arg(long, value_name = "TEXT")]
    substring: Option<String>,
    /// Those whose log looks as if chance, a machine or the network was at fault
    #[arg(long)]
    flaky: bool,
    /// Only of this repository
    #[arg(long, value_name = "NAME")]
    repo: Option<RepoName>,
    /// Of this branch [default: the repository's default branch]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Say what would be retried, and ask for nothing
    #[arg(long)]
    dry_run: bool,
    /// How many logs are read at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=50))]
    at_once: u8,
    /// A line of JSON for each build
    #[arg(long)]
    json: bool,
}

impl Which {
    fn is_search(&self) -> bool {
        self.flaky || self.substring.is_some() || self.log_hash.is_some()
    }
}

/// Asks the farm to forget a result, or several.
///
/// # Errors
/// There is no token, the commit is not known, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    if args.which.is_search() {
        return many::run(args, session).await;
    }
    match (&args.builder, &args.commit) {
        (Some(builder), Some(commit)) => one(args, builder, commit, session).await,
        _ => bail!("say which: BUILDER COMMIT, or --flaky, --substring TEXT or --log-hash HEX"),
    }
}

async fn one(
    args: &Args,
    builder: &BuilderName,
    commit: &CommitPrefix,
    session: &mut Session,
) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let commit = match commit.whole() {
        Some(commit) => commit,
        None => Pages::all(&server).await?.commit(builder, commit)?,
    };
    let what = format!("{builder}@{}", commit.short());
    if args.which.dry_run {
        session.print(&format!("would ask for another run of {what}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let token = args.credential.token(args.server.is_local(), session)?;
    let answer = server.clear(builder, &commit, &token).await?;
    if answer.error.is_empty() {
        session.print(&format!(
            "asked for another run of {what}: `farm builds` shows it"
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    session.note(&format!("{what} is not retried: {}", plain(&answer.error)));
    Ok(ExitCode::FAILURE)
}
