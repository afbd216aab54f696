//! From a signed webhook to the first line that the command it led to prints.
//!
//! The command writes the time itself, so that neither log nor page takes part; webhook and command share one clock.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

use std::path::PathBuf;
use std::time::Duration;

use bench::figures::percentile;
use bench::machine;
use bench::peer::Peer;
use bench::ran::{Ran, now};
use clap::Parser;
use farm_harness::{Farm, SHELL};
use serde::Serialize;

/// Measures webhook → command running, on one waiting machine.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo build --release -p bench
  target/release/push-latency --pushes 50
  BUILDBOT_ROOT=/var/tmp/buildbot target/release/push-latency --pushes 50 --peer bench/buildbot.sh")]
struct Args {
    /// The binary to measure
    #[arg(long, default_value = "target/release/farm")]
    farm: PathBuf,
    /// How many pushes
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pushes: u32,
    /// Buildbot does the same in turns with ours: the script that starts it
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Milliseconds that both rest between two turns, so that each is measured idle
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    rest: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// More than a command takes to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Report {
    mode: &'static str,
    machine: (String, String),
    ours: Latency,
    /// Resident memory of each part, in kB.
    memory_kb: Vec<(String, u64)>,
    peer: Option<Latency>,
    /// Buildbot's median against ours.
    ratio: Option<f64>,
}

/// Milliseconds.
#[derive(Serialize)]
struct Latency {
    count: usize,
    p50: f64,
    p90: f64,
    p99: f64,
    min: f64,
    max: f64,
}

impl Latency {
    fn of(milliseconds: &[f64]) -> Self {
        let at = |share| percentile(milliseconds, share);
        Self {
            count: milliseconds.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            min: at(0.0),
            max: at(1.0),
        }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            count,
            p50,
            p90,
            p99,
            min,
            max,
        } = self;
        write!(
            f,
            "{count} pushes: p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms ({min:.1} to {max:.1})"
        )
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let before = machine::load();
    let program = machine::program(&args.farm);
    let folder = tempfile::tempdir().unwrap();
    let ran = Ran::new(folder.path().join("ran"));
    let mut farm = Farm::start(&program, SHELL, &ran.command()).await;
    farm.over(&farm.repository.head()).await;
    let mut peer = match &args.peer {
        Some(script) => Some(Peer::start(script, 1, 1).await),
        None => None,
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..args.pushes {
        ours.push(push(&mut farm, &ran, number).await);
        if let Some(peer) = &mut peer {
            theirs.push(change(peer).await);
            tokio::time::sleep(Duration::from_millis(args.rest)).await;
        }
    }
    let memory = farm.memory().into_iter();
    let mut report = Report {
        mode: "five processes, queues and state durable (fsync), re-read of the source included; \
               Buildbot's SQLite on disk as it comes",
        machine: (before, String::new()),
        ours: Latency::of(&ours),
        memory_kb: memory.map(|(part, kb)| (format!("{part:?}"), kb)).collect(),
        peer: peer.is_some().then(|| Latency::of(&theirs)),
        ratio: None,
    };
    report.ratio = report.peer.as_ref().map(|peer| peer.p50 / report.ours.p50);
    if let Some(peer) = peer {
        peer.end().await;
    }
    farm.end().await;
    report.machine.1 = machine::load();
    report.print(args.json);
}

/// Milliseconds from the webhook to the command.
async fn push(farm: &mut Farm, ran: &Ran, number: u32) -> f64 {
    let before = ran.count();
    let commit = farm
        .repository
        .commit(&format!("push {number}"), &ran.command());
    let sent = now();
    farm.push().await;
    ran.wait(before + 1, PATIENCE).await;
    farm.over(&commit).await;
    (ran.times(before)[0] - sent) * 1e3
}

/// The same of Buildbot, whose source is not read.
async fn change(peer: &mut Peer) -> f64 {
    let before = peer.ran.count();
    let sent = peer.change().await;
    peer.ran.wait(before + 1, PATIENCE).await;
    (peer.ran.times(before)[0] - sent) * 1e3
}

impl Report {
    fn print(&self, json: bool) {
        if json {
            return println!("{}", serde_json::to_string_pretty(self).unwrap());
        }
        println!("webhook → command running; {}", self.mode);
        println!("before: {}; after: {}", self.machine.0, self.machine.1);
        println!("farm:     {}", self.ours);
        if let (Some(peer), Some(ratio)) = (&self.peer, self.ratio) {
            println!("Buildbot: {peer}; {ratio:.1}× ours");
        }
        for (part, memory) in &self.memory_kb {
            println!("{part}: {memory} kB resident");
        }
    }
}
