//! The hub as a process of its own.

use clap::Parser;

#[derive(Parser)]
#[command(
    version,
    about = "Owns machine connections and drives one job on one machine.\n\nhub mint-key makes the keys of machines; see hub mint-key --help"
)]
struct Cli {
    #[command(flatten)]
    args: hub::Args,
}

#[derive(Parser)]
#[command(
    name = "hub mint-key",
    about = "Makes the key with which a machine registers."
)]
struct MintKey {
    #[command(flatten)]
    args: hub::MintArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Not a subcommand: the hub's own required arguments would be required of it too.
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == "mint-key").is_some() {
        let words = std::iter::once("hub mint-key".into()).chain(words);
        return hub::run_mint(&MintKey::parse_from(words).args);
    }
    let cli = Cli::parse();
    let _telemetry = farm_runtime::telemetry::init("hub");
    let shutdown = farm_runtime::Shutdown::on_signals();
    hub::run(cli.args, shutdown.token()).await
}
