//! `farm retry`: builds a commit once more.

use std::process::ExitCode;

use farm_model::id::BuilderName;

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

The farm forgets what the builder found for the commit and opens the next run. A build that is not over stays as it is.
Exit code: 0 accepted, 1 refused, 3 the farm could not be asked.")]
pub struct Args {
    /// The builder
    #[arg(value_name = "BUILDER")]
    builder: BuilderName,
    /// The commit: all of its digits, or the first of them if it is among the newest
    #[arg(value_name = "COMMIT")]
    commit: CommitPrefix,
    #[command(flatten)]
    credential: CredentialArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks the farm to forget a result.
///
/// # Errors
/// There is no token, the commit is not known, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let token = args.credential.token(args.server.is_local(), session)?;
    let server = args.server.open()?;
    let commit = match args.commit.whole() {
        Some(commit) => commit,
        None => Pages::all(&server)
            .await?
            .commit(&args.builder, &args.commit)?,
    };
    let answer = server.clear(&args.builder, &commit, &token).await?;
    let what = format!("{}@{}", args.builder, commit.short());
    if answer.error.is_empty() {
        session.print(&format!(
            "asked for another run of {what}: `farm builds` shows it"
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    session.note(&format!("{what} is not retried: {}", plain(&answer.error)));
    Ok(ExitCode::FAILURE)
}
