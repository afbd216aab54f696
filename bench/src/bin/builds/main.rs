//! Trivial builds through the whole farm, as many as it can do.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod ours;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bench::figures::Spread;
use bench::machine;
use bench::peer::Peer;
use clap::Parser;
use ours::Ours;
use serde::Serialize;

/// Measures sustained trivial builds a second, from signed webhooks to results, on local machines.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo build --release -p bench
  target/release/builds
  target/release/builds --builders 10 --builds 500 --turns 1
  BUILDBOT_ROOT=/var/tmp/buildbot target/release/builds --turns 2 --peer bench/buildbot.sh")]
struct Args {
    /// The binary to measure
    #[arg(long, default_value = "target/release/farm")]
    farm: PathBuf,
    /// How many builders a commit is built by, each in a farm of its own
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 95])]
    builders: Vec<usize>,
    /// Machines
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=200))]
    machines: u32,
    /// Builds a turn, rounded up to whole commits
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    builds: u32,
    /// Turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Buildbot does the same in turns with ours: the script that starts it
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Builds a turn of Buildbot, rounded up to whole changes
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    peer_builds: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// More than a turn takes.
const PATIENCE: Duration = Duration::from_secs(600);
#[derive(Serialize)]
struct Report {
    mode: String,
    machine: (String, String),
    rows: Vec<Row>,
    /// The slowest of ours against the fastest.
    flatness: f64,
}

#[derive(Serialize)]
struct Row {
    builders: usize,
    builds: usize,
    /// Builds a second.
    ours: Spread,
    /// Proportional memory at rest, in kB, machines included.
    memory_kb: u64,
    /// Milliseconds of CPU that a build takes of each part, without its command.
    cpu_ms: BTreeMap<String, f64>,
    peer: Option<PeerRow>,
}

#[derive(Serialize)]
struct PeerRow {
    builds: usize,
    builds_s: Spread,
    memory_kb: u64,
    /// Ours against it.
    ratio: f64,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let mut report = Report {
        mode: format!(
            "{} machines, clean = none; queues and state durable (fsync); Buildbot's SQLite on disk as it comes",
            args.machines
        ),
        machine: (machine::load(), String::new()),
        rows: Vec::new(),
        flatness: 1.0,
    };
    for &builders in &args.builders {
        let row = row(&args, builders).await;
        if !args.json {
            println!("{row}");
        }
        report.rows.push(row);
    }
    let rates = report.rows.iter().map(|row| row.ours.median);
    let rates: Vec<f64> = rates.collect();
    let Spread { min, max, .. } = Spread::of(&rates);
    report.flatness = min / max;
    report.machine.1 = machine::load();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        println!("{}", report.mode);
        println!("before: {}; after: {}", report.machine.0, report.machine.1);
        println!("slowest against fastest: {:.2}", report.flatness);
    }
}

/// A farm, and a peer of the same shape, in turns.
async fn row(args: &Args, builders: usize) -> Row {
    let commits = (args.builds as usize).div_ceil(builders);
    let mut ours = Ours::start(args, builders, commits * args.turns as usize).await;
    let mut peer = match &args.peer {
        Some(script) => Some(Peer::start(script, builders, args.machines as usize).await),
        None => None,
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_kb = ours.memory_kb();
    let peer_memory_kb = peer.as_ref().map_or(0, Peer::memory_kb);
    let peer_changes = (args.peer_builds as usize).div_ceil(builders);
    let cpu_before = ours.cpu();
    let (mut rates, mut peer_rates) = (Vec::new(), Vec::new());
    for _ in 0..args.turns {
        rates.push(ours.turn(commits).await);
        if let Some(peer) = &mut peer {
            peer_rates.push(peer_turn(peer, peer_changes, builders).await);
        }
    }
    let built = f64::from(args.turns) * (commits * builders) as f64;
    let of_each = |(part, used): (String, f64)| {
        let milliseconds = (used - cpu_before[&part]) * 1e3 / built;
        (part, milliseconds)
    };
    let cpu_ms = ours.cpu().into_iter().map(of_each).collect();
    ours.end().await;
    let ours = Spread::of(&rates);
    let peer_row = peer.is_some().then(|| PeerRow {
        builds: peer_changes * builders,
        builds_s: Spread::of(&peer_rates),
        memory_kb: peer_memory_kb,
        ratio: ours.median / Spread::of(&peer_rates).median,
    });
    if let Some(peer) = peer {
        peer.end().await;
    }
    Row {
        builders,
        builds: commits * builders,
        ours,
        memory_kb,
        cpu_ms,
        peer: peer_row,
    }
}

/// Builds a second of so many changes that come at once.
async fn peer_turn(peer: &mut Peer, changes: usize, builders: usize) -> f64 {
    let before = peer.ran.count();
    for _ in 0..changes {
        peer.change().await;
    }
    peer.ran.wait(before + changes * builders, PATIENCE).await;
    // The last are still being written down: they must not slow the next turn of ours.
    tokio::time::sleep(Duration::from_secs(2)).await;
    peer.ran.rate(before)
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>3} builders: {} builds/s ({} a turn), {} MB at rest; ms of CPU a build:",
            self.builders,
            self.ours,
            self.builds,
            self.memory_kb / 1024
        )?;
        for (part, milliseconds) in &self.cpu_ms {
            write!(f, " {part} {milliseconds:.2}")?;
        }
        match &self.peer {
            Some(peer) => write!(
                f,
                "\n     Buildbot: {} builds/s ({} a turn), {} MB at rest; {:.0}×",
                peer.builds_s,
                peer.builds,
                peer.memory_kb / 1024,
                peer.ratio
            ),
            None => Ok(()),
        }
    }
}
