//! The buildlet as a program of its own.

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = buildlet::Args::parse_from(buildlet::from_go_style(std::env::args_os()));
    buildlet::start_log(&args);
    let told = buildlet::told_to_end()?;
    buildlet::run(args, told).await
}
