//! The emulator alone, as a process.

use std::error::Error;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A durable server of Cloud Storage's XML API.
#[derive(Parser)]
#[command(name = "gcs-emulator", version)]
struct Cli {
    #[command(flatten)]
    args: farm_gcs_emulator::Args,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    farm_gcs_emulator::run(cli.args, asked).await
}
