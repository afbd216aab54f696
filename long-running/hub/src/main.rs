//! The hub as a process of its own.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    version,
    about = "Owns machine connections and drives one job on one machine.",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Option<hub::Args>,
}

#[derive(Subcommand)]
enum Command {
    /// Make the key of a machine
    MintKey(hub::MintArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match (cli.command, cli.args) {
        (Some(Command::MintKey(args)), _) => hub::run_mint(&args),
        (None, Some(args)) => {
            farm_runtime::telemetry::init("hub");
            let shutdown = farm_runtime::Shutdown::on_signals();
            hub::run(args, shutdown.token()).await
        }
        (None, None) => anyhow::bail!("nothing to do: see hub --help"),
    }
}
