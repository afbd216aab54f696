//! The functions as a process of their own.

use clap::Parser;

#[derive(Parser)]
#[command(
    version,
    about = "The farm's stateless functions: webhooks, feeds, pages."
)]
struct Cli {
    #[command(flatten)]
    args: functions::Args,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _telemetry = farm_runtime::telemetry::init("functions");
    let shutdown = farm_runtime::Shutdown::on_signals();
    functions::run(cli.args, shutdown.token()).await
}
