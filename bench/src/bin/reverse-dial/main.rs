//! The hub's dialing side over TLS on loopback, with machines that are simulated in a process of their own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod hub;
mod machines;
mod measure;
mod versions;

use std::time::Duration;

use clap::{Parser, Subcommand};
use farm_wire::reverse::RevdialVersion;

/// Measures reverse dialing: registrations, streams, calls, idle connections, throughput.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release -p bench
  target/release/reverse-dial
  target/release/reverse-dial --machines 10000 --idle 600")]
struct Args {
    /// How many machines register
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    machines: u32,
    /// How they want to be dialed
    #[arg(long, default_value = "2", value_parser = versions::parse)]
    revdial: RevdialVersion,
    /// Streams opened one after the other
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    opens: u32,
    /// Machines that are each called once
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Calls under way at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    at_once: u32,
    /// MB through one stream
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    bulk: u32,
    /// Rounds of what is measured in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long nothing happens, in seconds, before all machines are called
    #[arg(long, default_value_t = 0, value_parser = seconds)]
    idle: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// A whole number of seconds, with or without the unit: a day at most.
fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse();
    number
        .ok()
        .filter(|&seconds| seconds <= 86_400)
        .ok_or_else(|| "expected seconds, at most 86400".to_owned())
}

#[derive(Subcommand)]
enum Part {
    /// The simulated machines: started by the measurement itself
    #[command(hide = true)]
    Machines(machines::Settings),
}

/// More than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let args = Args::parse();
    match args.part {
        Some(Part::Machines(settings)) => machines::run(settings).await,
        None => measure::all(&args).await,
    }
}
