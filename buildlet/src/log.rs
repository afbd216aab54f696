//! Where the log goes (`buildlet.md` 2.4).

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

use crate::Args;
use crate::os;
use crate::vars::Vars;

/// Starts the log of this process: standard error, and on a cloud machine that serves directly its console as well, since
/// nothing else there can be read from outside. `FARM_LOG` says how much.
pub fn start_log(args: &Args) {
    let filter = EnvFilter::try_from_env("FARM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // The HTTP client tells whole URLs, which may hold secrets, to whoever wants to know everything.
    let filter = ["ureq=warn", "ureq_proto=warn"]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let serves = args.command.is_none() && args.reverse_type.is_none() && args.reverse.is_empty();
    let console = serves
        .then(|| os::console(&Vars::of_this_process()))
        .flatten();
    let writer = match console {
        Some(console) => BoxMakeWriter::new(io::stderr.and(std::sync::Mutex::new(console))),
        None => BoxMakeWriter::new(io::stderr),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(writer)
        .init();
}
