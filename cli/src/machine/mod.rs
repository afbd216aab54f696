//! `farm machine`: keys of machines, from the first to the last day.

mod add;
mod line;
mod list;
mod mint;
mod place;
mod renew;
mod revoke;

use std::process::ExitCode;

use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine add attic --host-type rpi4 --owner gopher@example.org
  farm machine list
  farm machine renew attic
  farm machine revoke attic

Records lie in the farm's bucket, machines/NAME.json; keys are never kept. In the folder of `farm up` nothing else need be \
said; for another farm give --bucket and --machine-key-file, as its hubs have them.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Record a machine, make its key, and print the one line to run on it
    Add(add::Args),
    /// Show recorded and connected machines
    List(list::Args),
    /// Make a new key for a machine; the one before stops working
    Renew(renew::Args),
    /// Take a machine's key back: it is cut off within 30 seconds
    Revoke(revoke::Args),
}

/// Does what was asked.
///
/// # Errors
/// It could not be done.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Add(args) => add::run(args, session).await,
        Command::List(args) => list::run(args, session).await,
        Command::Renew(args) => renew::run(args, session).await,
        Command::Revoke(args) => revoke::run(args, session).await,
    }
}
