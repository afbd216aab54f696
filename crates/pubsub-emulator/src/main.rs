//! The emulator alone, as a process.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use farm_pubsub_emulator::{Emulator, Options};
use tokio::net::TcpListener;

/// A durable server of Google's Pub/Sub protocol, gRPC and REST on one port.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8085")]
    listen: SocketAddr,
    /// Folder for everything that is to outlive the process.
    #[arg(long, required_unless_present = "memory")]
    data: Option<PathBuf>,
    /// Keep everything in memory.
    #[arg(long, conflicts_with = "data")]
    memory: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let options = match arguments.data {
        Some(data) => Options::durable(data),
        None => Options::default(),
    };
    let emulator = Emulator::open(options).await?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        format!(
            "cannot listen on {}: {error}; choose another address with --listen",
            arguments.listen
        )
    })?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "PUBSUB_EMULATOR_HOST={address}")?;
    emulator.serve(listener, interrupted()).await?;
    Ok(())
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "Ctrl-C is not heard");
        std::future::pending::<()>().await;
    }
}
