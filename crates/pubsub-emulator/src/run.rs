//! The emulator as a process: command line, port, the line that says where it is.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::TcpListener;

use crate::options::Options;
use crate::server::{Emulator, ServeError};

/// Command line and environment. The flags are those of Google's emulator: `--host-port` and `--data-dir` as `gcloud beta
/// emulators pubsub start` takes them, `--host` and `--port` as its program `cloud-pubsub-emulator` does.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  --data-dir .farm/pubsub            keep everything there, over kill -9
  --memory --port 0                  for a test run, on any free port
  PUBSUB_EMULATOR_HOST=127.0.0.1:8085 python my_subscriber.py")]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        alias = "listen",
        env = "FARM_PUBSUB_LISTEN",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8085"
    )]
    host_port: HostPort,
    /// The host of --host-port alone
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port of --host-port alone
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Folder for everything that is to outlive the process
    #[arg(
        long,
        alias = "data",
        env = "FARM_PUBSUB_DATA",
        value_name = "DIR",
        default_value = ".farm/pubsub"
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

    fn place(&self) -> HostPort {
        let mut place = self.host_port.clone();
        if let Some(host) = &self.host {
            place.host.clone_from(host);
        }
        place.port = self.port.unwrap_or(place.port);
        place
    }
}

/// A host by name or number, and a port. Written as Google's tools do: an IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Without brackets.
    host: String,
    port: u16,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no HOST:PORT, such as 127.0.0.1:8085 or [::1]:8085");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        // Without brackets nobody can tell where an IPv6 address ends.
        if bare.is_none() && host.contains(':') || host.is_empty() {
            return Err(wrong());
        }
        let host = bare.unwrap_or(host).to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An emulator that has its port and its data, and serves nobody yet.
#[derive(Debug)]
pub struct Bound {
    /// For whoever shows what is in it.
    pub emulator: Emulator,
    /// What `PUBSUB_EMULATOR_HOST` is to be: the host as it was given, with the port that was had.
    pub address: HostPort,
    listener: TcpListener,
}

impl HostPort {
    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Takes the port, then opens the data: whoever comes in between waits for its answer.
///
/// # Errors
/// The port is taken or the folder cannot be used; says what to do.
pub async fn bind(args: &Args) -> Result<Bound, Box<dyn Error + Send + Sync>> {
    let mut address = args.place();
    let bound = TcpListener::bind((address.host.as_str(), address.port)).await;
    let listener = bound.map_err(|error| {
        format!(
            "cannot listen on {address}: {error}; choose another port with --port, or --port 0 for any free one"
        )
    })?;
    address.port = listener.local_addr()?.port();
    let options = args.data().map_or_else(Options::default, Options::durable);
    let emulator = Emulator::open(options).await?;
    Ok(Bound {
        emulator,
        address,
        listener,
    })
}

impl Bound {
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

/// Serves until `shutdown`. Says `PUBSUB_EMULATOR_HOST=<address>` on standard output once it listens.
///
/// # Errors
/// As [`bind`] and [`Bound::serve`].
pub async fn run(
    args: Args,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let bound = bind(&args).await?;
    writeln!(std::io::stdout(), "PUBSUB_EMULATOR_HOST={}", bound.address)?;
    bound.serve(shutdown).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn place(args: &[&str]) -> String {
        let words = ["emulator"].iter().chain(args);
        Cli::try_parse_from(words).unwrap().args.place().to_string()
    }

    #[test]
    fn a_place_is_given_as_googles_emulator_takes_it() {
        assert_eq!(place(&[]), "127.0.0.1:8085");
        assert_eq!(place(&["--host-port=[::1]:8432"]), "[::1]:8432");
        assert_eq!(place(&["--host=0.0.0.0", "--port=9"]), "0.0.0.0:9");
        assert_eq!(place(&["--port", "9"]), "127.0.0.1:9");
        assert_eq!(place(&["--listen", "localhost:7"]), "localhost:7");
        assert_eq!(place(&["--host", "::1"]), "[::1]:8085");
    }

    #[test]
    fn what_is_no_place_is_refused_with_an_example() {
        for text in ["", "8085", "host", ":8085", "::1:8085", "host:99999"] {
            let error = text.parse::<HostPort>().unwrap_err();
            assert!(error.contains("[::1]:8085"), "{error}");
        }
    }
}
