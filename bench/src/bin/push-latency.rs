//! From a signed webhook to the first line that the command it led to prints.
//!
//! The command prints the time itself, so that neither log nor page takes part; webhook and command share one clock.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use farm_harness::{Farm, SHELL};

/// Measures webhook → first output line.
#[derive(Parser)]
#[command(after_help = "Example:
  cargo build --release && cargo run --release -p bench --bin push-latency -- --pushes 50")]
struct Args {
    /// The binary to measure
    #[arg(long, default_value = "target/release/farm")]
    farm: PathBuf,
    /// How many pushes
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pushes: u32,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let program = args.farm.canonicalize().unwrap();
    let mut farm = Farm::start(&program, SHELL, "date +%s%N").await;
    farm.over(&farm.repository.head()).await;
    let mut took = Vec::new();
    for number in 0..args.pushes {
        let commit = farm
            .repository
            .commit(&format!("push {number}"), "date +%s%N");
        let sent = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        farm.push().await;
        let build = farm.over(&commit).await;
        let log = farm.log_of(&build).await;
        let printed: u128 = log.lines().find_map(|line| line.parse().ok()).unwrap();
        took.push((printed - sent.as_nanos()) as f64 / 1e6);
    }
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
    println!(
        "webhook → first output line, {} pushes, durable, five processes: median {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, \
         min {:.1} ms, max {:.1} ms",
        took.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.0),
        at(1.0)
    );
    for (part, memory) in farm.memory() {
        println!("{part:?}: {memory} kB resident");
    }
    farm.end().await;
}
