//! The Pub/Sub emulator as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use farm_pubsub_emulator::{Emulator, Options};

use crate::up::ports;

/// Command line and environment.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm emulator
  PUBSUB_EMULATOR_HOST=127.0.0.1:8085 python my_subscriber.py")]
pub struct Args {
    /// Where to listen
    #[arg(long, env = "FARM_PUBSUB_LISTEN", default_value = "127.0.0.1:8085")]
    listen: SocketAddr,
    /// Folder that keeps what is published and not acknowledged
    #[arg(long, env = "FARM_PUBSUB_DATA", default_value = ".farm/pubsub")]
    data: PathBuf,
    /// Keep nothing on disk
    #[arg(long)]
    memory: bool,
}

/// Serves until `shutdown`.
///
/// # Errors
/// The port is taken or the folder cannot be used.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let data = (!args.memory).then_some(args.data);
    let emulator = Emulator::open(Options { data, ..Options::default() }).await?;
    let listener = ports::bind_given(args.listen, "--listen").await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "speaking Pub/Sub; clients: PUBSUB_EMULATOR_HOST={address}");
    emulator.serve(listener, shutdown.cancelled_owned()).await.context("the emulator failed")
}
