//! The emulator as a process: command line, port, the line that says where it is.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use crate::options::Options;
use crate::server::Emulator;

/// Command line and environment.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  --data .farm/pubsub                keep everything there, over kill -9
  --memory --listen 127.0.0.1:0      for a test run, on any free port
  PUBSUB_EMULATOR_HOST=127.0.0.1:8085 python my_subscriber.py")]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "FARM_PUBSUB_LISTEN", default_value = "127.0.0.1:8085")]
    listen: SocketAddr,
    /// Folder for everything that is to outlive the process
    #[arg(long, env = "FARM_PUBSUB_DATA", default_value = ".farm/pubsub")]
    data: PathBuf,
    /// Keep everything in memory
    #[arg(long, conflicts_with = "data")]
    memory: bool,
}

/// Serves until `shutdown`. Says `PUBSUB_EMULATOR_HOST=<address>` on standard output once it listens.
///
/// # Errors
/// The port is taken or the folder cannot be used; says what to do.
pub async fn run(
    args: Args,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = if args.memory {
        Options::default()
    } else {
        Options::durable(args.data)
    };
    let emulator = Emulator::open(options).await?;
    let listen = args.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another address with --listen")
    })?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "PUBSUB_EMULATOR_HOST={address}")?;
    emulator.serve(listener, shutdown).await?;
    Ok(())
}
