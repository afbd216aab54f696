//! `farm emulator`: an emulator by itself, for any program that speaks its protocol.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::{gcs, pubsub};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Service {
    /// Cloud Storage: the XML API, and some of the JSON API
    Gcs(gcs::GcsArgs),
    /// Pub/Sub, in place of `gcloud beta emulators pubsub`
    Pubsub(Box<pubsub::PubsubArgs>),
}

/// Runs an emulator until `shutdown`.
///
/// # Errors
/// Those of the emulator, which say what to do.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match args.service {
        Service::Gcs(args) => gcs::run(&args, shutdown).await?,
        Service::Pubsub(args) => pubsub::run(*args, shutdown).await?,
    }
    Ok(ExitCode::SUCCESS)
}
