//! How long a function takes from its process's start until it takes an invocation, and until the first answer, its secrets
//! fetched: ours on a Lambda runtime API of this program's own, and beside it, in turns, other frameworks on a port.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod lambda;
mod peer;
mod report;
mod secrets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bench::machine;
use clap::Parser;
use functions::manifest;

use lambda::Program;
use peer::Peer;
use report::{Report, Started};
use secrets::Secrets;

/// Starts each function again and again, as Lambda does.
#[derive(Parser)]
#[command(after_help = "Examples:
  scripts/package-functions.sh && cargo build --profile dist -p bench --bin cold-start
  target/dist/cold-start --functions target/x86_64-unknown-linux-gnu/small/functions
  FRAMEWORKS_ROOT=/var/tmp/frameworks target/dist/cold-start --peer bench/functions-framework.sh")]
struct Args {
    /// The binary of the functions, built with `--features aws`
    #[arg(
        long,
        default_value = "target/x86_64-unknown-linux-gnu/small/functions"
    )]
    functions: PathBuf,
    /// How often each is started
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    starts: u32,
    /// Only these functions
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The script that runs other frameworks: its first argument names one, `PORT` says where
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let before = machine::load();
    let program = machine::program(&args.functions);
    let secrets = Secrets::serve().await;
    let manifest = manifest::read().unwrap();
    let wanted = |name: &String| args.only.is_empty() || args.only.contains(name);
    let programs: Vec<Program> = manifest
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, function)| Program::new(&program, name, function, &secrets))
        .collect();
    let peers = args.peer.as_deref().map(Peer::all).unwrap_or_default();
    let mut ours: BTreeMap<String, Vec<Started>> = BTreeMap::new();
    let mut theirs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..args.starts {
        for program in &programs {
            let started = program.start().await;
            ours.entry(program.name.clone()).or_default().push(started);
        }
        for peer in &peers {
            let name = peer.name.to_owned();
            theirs.entry(name).or_default().push(peer.start().await);
        }
    }
    let size = std::fs::metadata(&program).unwrap().len();
    let report = Report::new((before, machine::load()), size, &ours, &theirs);
    report.print(args.json);
}
