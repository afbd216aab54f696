//! The coordinator as a process of its own.

use clap::Parser;

#[derive(Parser)]
#[command(
    version,
    about = "Plans, schedules and records builds: the one writer of the farm's state."
)]
struct Cli {
    #[command(flatten)]
    args: coordinator::Args,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _telemetry = farm_runtime::telemetry::init("coordinator");
    let shutdown = farm_runtime::Shutdown::on_signals();
    coordinator::run(cli.args, shutdown.token()).await
}
