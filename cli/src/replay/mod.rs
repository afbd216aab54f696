//! `farm replay`: decides again what the coordinator decided, from its log, and compares what comes of it.

mod said;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use coordinator::{Span, replay};
use farm_bucket::{Bucket, folder_url};
use farm_store::StateUrl;

use crate::session::Session;

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
    /// Folder of a farm that `farm up` runs
    #[arg(long, value_name = "DIR", default_value = ".farm", conflicts_with_all = ["state", "bucket"])]
    data: PathBuf,
    /// The coordinator's state: sqlite:FILE or postgres://…
    #[arg(long, value_name = "URL", requires = "bucket")]
    state: Option<StateUrl>,
    /// The farm's bucket: file:///DIR, gs://NAME or s3://NAME
    #[arg(long, value_name = "URL", requires = "state")]
    bucket: Option<String>,
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
    let (state, bucket) = args.places()?;
    let store = tokio::task::spawn_blocking(move || farm_store::open_for_reading(&state)).await??;
    let bucket = Bucket::open(&bucket)?;
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

impl Args {
    /// The state and the bucket.
    fn places(&self) -> anyhow::Result<(StateUrl, String)> {
        if let (Some(state), Some(bucket)) = (&self.state, &self.bucket) {
            return Ok((state.clone(), bucket.clone()));
        }
        let file = self.data.join("coordinator").join("state.db");
        if !file.is_file() {
            let file = file.display();
            bail!(
                "there is no {file}: give --data with the folder of a farm, or --state and --bucket"
            );
        }
        let bucket = std::path::absolute(self.data.join("bucket"))
            .context("the working directory cannot be read")?;
        Ok((StateUrl::Sqlite(file), folder_url(&bucket)?))
    }
}
