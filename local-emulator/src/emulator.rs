//! `farm emulator`: an emulator by itself, for any program that speaks its protocol.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use crate::cloud;
use crate::{gcs, pubsub};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Service {
    /// Compute Engine: instances are processes
    #[cfg(unix)]
    Gce(cloud::GceArgs),
    /// Cloud Storage: the XML API, and some of the JSON API
    Gcs(gcs::GcsArgs),
    /// Kubernetes: pods are processes
    #[cfg(unix)]
    Kubernetes(cloud::KubernetesArgs),
    /// Pub/Sub, in place of `gcloud beta emulators pubsub`
    Pubsub(Box<pubsub::PubsubArgs>),
}

/// Runs an emulator until `shutdown`.
///
/// # Errors
/// Those of the emulator, which say what to do.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match args.service {
        #[cfg(unix)]
        Service::Gce(args) => cloud::gce(args, shutdown).await?,
        Service::Gcs(args) => gcs::run(&args, shutdown).await?,
        #[cfg(unix)]
        Service::Kubernetes(args) => cloud::kubernetes(args, shutdown).await?,
        Service::Pubsub(args) => pubsub::run(*args, shutdown).await?,
    }
    Ok(ExitCode::SUCCESS)
}
