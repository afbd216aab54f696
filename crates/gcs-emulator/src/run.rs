//! The emulator as a process: command line, port, the line that says where it is.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::options::Options;
use crate::server::{Emulator, ServeError};

/// Command line and environment.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  --data-dir .farm/gcs               keep everything there, over kill -9
  --memory --port 0                  for a test run, on any free port
  curl -T file http://127.0.0.1:4443/bucket/name")]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        alias = "listen",
        env = "FARM_GCS_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:4443"
    )]
    host_port: SocketAddr,
    /// The port of --host-port alone
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Folder for everything that is to outlive the process
    #[arg(
        long,
        alias = "data",
        env = "FARM_GCS_DATA",
        value_name = "DIR",
        default_value = ".farm/gcs"
    )]
    data_dir: PathBuf,
    /// Keep everything in memory
    #[arg(long, conflicts_with = "data_dir")]
    memory: bool,
}

impl Args {
    /// Where everything is kept, unless that is in memory.
    pub fn data(&self) -> Option<&Path> {
        (!self.memory).then_some(&self.data_dir)
    }

    fn place(&self) -> SocketAddr {
        let mut place = self.host_port;
        place.set_port(self.port.unwrap_or(place.port()));
        place
    }
}

/// An emulator that has its port and its data, and serves nobody yet.
#[derive(Debug)]
pub struct Bound {
    emulator: Emulator,
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
}

/// Takes the port, then opens the data: whoever comes in between waits for its answer.
///
/// # Errors
/// The port is taken or the folder cannot be used; says what to do.
pub async fn bind(args: &Args) -> Result<Bound, Box<dyn Error + Send + Sync>> {
    let address = args.place();
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!(
            "cannot listen on {address}: {error}; choose another port with --port, or --port 0 for any free one"
        )
    })?;
    let address = listener.local_addr()?;
    let options = args.data().map_or_else(Options::default, Options::durable);
    let emulator = Emulator::open(options).await?;
    Ok(Bound {
        emulator,
        address,
        listener,
    })
}

impl Bound {
    /// What `STORAGE_EMULATOR_HOST` is to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `shutdown`, as [`Emulator::serve`].
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        self.emulator.serve(self.listener, shutdown).await
    }
}

/// Serves until `shutdown`. Says `STORAGE_EMULATOR_HOST=<URL>` on standard output once it listens.
///
/// # Errors
/// As [`bind`] and [`Bound::serve`].
pub async fn run(
    args: Args,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let bound = bind(&args).await?;
    writeln!(std::io::stdout(), "STORAGE_EMULATOR_HOST={}", bound.url())?;
    bound.serve(shutdown).await?;
    Ok(())
}
