//! `farm emulator`: an emulator by itself, for any program that speaks its protocol.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

<<<<<<< HEAD
#[cfg(unix)]
use crate::cloud;
use crate::pubsub;
=======
use crate::{gcs, pubsub};
>>>>>>> g8

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Service {
<<<<<<< HEAD
    /// Compute Engine: instances are processes
    #[cfg(unix)]
    Gce(cloud::GceArgs),
    /// Kubernetes: pods are processes
    #[cfg(unix)]
    Kubernetes(cloud::KubernetesArgs),
    /// Pub/Sub, in place of `gcloud beta emulators pubsub`
    Pubsub(Box<pubsub::Args>),
=======
    /// Cloud Storage, its XML API
    Gcs(gcs::GcsArgs),
    /// Pub/Sub, in place of `gcloud beta emulators pubsub`
    Pubsub(Box<pubsub::PubsubArgs>),
>>>>>>> g8
}

/// Runs an emulator until `shutdown`.
///
/// # Errors
/// Those of the emulator, which say what to do.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match args.service {
<<<<<<< HEAD
        #[cfg(unix)]
        Service::Gce(args) => cloud::gce(args, shutdown).await?,
        #[cfg(unix)]
        Service::Kubernetes(args) => cloud::kubernetes(args, shutdown).await?,
=======
        Service::Gcs(args) => gcs::run(&args, shutdown).await?,
>>>>>>> g8
        Service::Pubsub(args) => pubsub::run(*args, shutdown).await?,
    }
    Ok(ExitCode::SUCCESS)
}
