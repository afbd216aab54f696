//! `farm views`: the documents that pages read.

use std::process::ExitCode;

use farm_model::message::command::Ask;

use crate::command::CommandArgs;
use crate::session::Session;

/// `farm views`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm views rebuild")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Write all of them anew from the farm's state: a bucket that lost some does so by itself, but slowly
    Rebuild(RebuildArgs),
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm views rebuild

Front page, grids, builders and tests come first, then all commits and their builds, the newest first among what changes
meanwhile. A coordinator that is stopped goes on where it was. `farm status` shows how many pages are out of date.")]
struct RebuildArgs {
    #[command(flatten)]
    how: CommandArgs,
}

/// Asks for it.
///
/// # Errors
/// There is no token, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let What::Rebuild(rebuild) = &args.what;
    let what = "all pages to be written anew";
    rebuild.how.ask(Ask::RebuildViews, what, session).await
}
