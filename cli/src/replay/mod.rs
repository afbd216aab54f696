//! `farm replay`: decides again what the coordinator decided, from its log, and compares what comes of it.

mod said;

use std::process::ExitCode;

use coordinator::{Span, replay};

use crate::session::Session;
use crate::stored::StoredArgs;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm replay                                  the farm of ./.farm, from its oldest checkpoint on
  farm replay --data /srv/farm --from 1200     from the last checkpoint at or before decision 1200
  farm replay --from 1200 --to 1300 --json
  farm replay --state postgres://farm@db.example/farm --bucket gs://my-farm

The leader logs what each decision was made of, and checkpoints below replay/ of the bucket, so that the same version
decides the same again. The farm may run meanwhile: its state is read, and never changed.

Exit code: 0 all the same, 1 something else was decided, 3 it cannot be replayed.")]
pub struct Args {
    #[command(flatten)]
    stored: StoredArgs,
    /// From the last checkpoint at or before this decision
    #[arg(long, value_name = "N")]
    from: Option<i64>,
    /// Up to this decision
    #[arg(long, value_name = "N")]
    to: Option<i64>,
    /// One line of JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Replays, and says what came of it.
///
/// # Errors
/// State or bucket cannot be read, no checkpoint lies before the decisions, or another version made them.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let (store, bucket) = args.stored.open().await?;
    let span = Span {
        from: args.from,
        to: args.to,
    };
    let replayed = replay(store, &bucket, span).await?;
    let said = match args.json {
        true => said::json(&replayed)?,
        false => said::text(&replayed)?,
    };
    session.print(&said)?;
    Ok(ExitCode::from(u8::from(replayed.difference.is_some())))
}
