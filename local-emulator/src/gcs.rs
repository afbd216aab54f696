//! `farm emulator gcs`: the Cloud Storage emulator by itself.

use std::io::Write;

use tokio_util::sync::CancellationToken;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct GcsArgs {
    #[command(flatten)]
    server: farm_gcs_emulator::Args,
}

const EXAMPLES: &str = "Examples:
  farm emulator gcs --port 4443                    what is written is kept in .farm/gcs, over kill -9
  farm emulator gcs --memory --port 0              for a test run, on any free port
  farm emulator gcs --host-port 0.0.0.0:4443 --data-dir /data
  curl -T file $STORAGE_EMULATOR_HOST/bucket/name  buckets come by their first use
  FARM_BUCKET=gs://farm?endpoint=$STORAGE_EMULATOR_HOST farm coordinator …

It prints the line that clients need, `export STORAGE_EMULATOR_HOST=…`, once it takes connections. Ctrl-C ends it in order.";

/// Serves until `shutdown`.
///
/// # Errors
/// The port is taken, or the folder cannot be used.
pub async fn run(args: &GcsArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bound = farm_gcs_emulator::bind(&args.server).await;
    let bound = bound.map_err(anyhow::Error::from_boxed)?;
    let mut notes = std::io::stderr();
    let kept = args
        .server
        .data()
        .map_or("in memory alone".to_owned(), |folder| {
            format!("in {}, over kill -9", folder.display())
        });
    writeln!(
        notes,
        "[gcs] Farmhand's Cloud Storage emulator; what is written is kept {kept}"
    )?;
    writeln!(
        std::io::stdout(),
        "export STORAGE_EMULATOR_HOST={}",
        bound.url()
    )?;
    bound.serve(shutdown.cancelled_owned()).await?;
    writeln!(notes, "[gcs] stopped")?;
    Ok(())
}
