//! The hub as a process of its own.

use clap::Parser;

#[derive(Parser)]
#[command(
    version,
    about = "Owns machine connections and drives one job on one machine."
)]
struct Cli {
    #[command(flatten)]
    args: hub::Args,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    farm_runtime::telemetry::init("hub");
    let shutdown = farm_runtime::Shutdown::on_signals();
    hub::run(cli.args, shutdown.token()).await
}
