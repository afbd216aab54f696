//! `farm emulator pubsub`: the Pub/Sub emulator by itself.

mod environment;
mod start;

use tokio_util::sync::CancellationToken;

use self::environment::EnvArgs;
pub use self::start::StartArgs;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct PubsubArgs {
    #[command(flatten)]
    start: StartArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "Examples:
  farm emulator pubsub --port 8085                 what is published is kept in .farm/pubsub, over kill -9
  farm emulator pubsub --memory --port 0           for a test run, on any free port
  farm emulator pubsub --host-port 0.0.0.0:8085 --data-dir /data --project demo
  farm emulator pubsub --console 8086              with a page at http://127.0.0.1:8086/
  $(farm emulator pubsub env-init)                 in another shell: clients there use the emulator

It prints the lines that clients need, `export PUBSUB_EMULATOR_HOST=…`, once it takes connections. Ctrl-C ends it in order.";

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Start the emulator [the default]
    #[command(after_help = EXAMPLES)]
    Start(StartArgs),
    /// Print the lines that tell a shell where the emulator of a data folder is
    EnvInit(EnvArgs),
}

/// Runs the emulator until `shutdown`, or prints where one is.
///
/// # Errors
/// The port is taken, the folder cannot be used, or there is no emulator.
pub async fn run(args: PubsubArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    match args.command {
        None => start::run(args.start, shutdown).await,
        Some(Command::Start(start)) => start::run(start, shutdown).await,
        Some(Command::EnvInit(args)) => environment::print(&args),
    }
}
