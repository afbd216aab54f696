//! `farm status`: how the farm and its coordinator are doing.

mod text;

use std::process::ExitCode;

use farm_model::Timestamp;
use farm_model::view::StatusView;
use jiff::SignedDuration;

use crate::server::ServerArgs;
use crate::session::Session;

/// A coordinator that has told nothing for so long is away: it does so every few seconds.
const AWAY: SignedDuration = SignedDuration::from_secs(60);

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm status
  farm status --server https://farm.example.org
  farm status --json | jq '.queues[] | select(.waiting > 0)'
  farm status --json | jq '.intake[] | .accepted == .effective + .repeated + .refused'

Exit code: 0 the coordinator told this within the last minute; 1 it has told nothing since; 3 the farm could not be asked.")]
pub struct Args {
    /// One line of JSON instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Shows the state of the farm.
///
/// # Errors
/// No usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let view = args.server.open()?.status().await?;
    let now = session.clock.now();
    let said = if args.json {
        serde_json::to_string(&view)?
    } else {
        text::render(&view, is_away(&view, now), now, session.colours)
    };
    session.print(&said)?;
    Ok(if is_away(&view, now) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn is_away(view: &StatusView, now: Timestamp) -> bool {
    now.duration_since(view.farm.made) > AWAY
}
