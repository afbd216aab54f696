//! What a buildlet does in a build: takes trees, gives trees, runs commands. Ours, started here, and beside it any other.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod process;
mod report;
mod tree;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bench::machine;
use clap::Parser;
use farm_wire::client::Client;
use farm_wire::stream::TcpConnect;

use process::Process;
use report::{Memory, Report, Target};
use tree::Trees;

/// Measures /writetgz, /tgz, /exec, memory and start of a buildlet in direct mode.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release -p buildlet -p bench
  target/release/buildlet-transfer --tree $(go env GOROOT)/src
  target/release/buildlet-transfer --peer http://127.0.0.1:5936 --peer-pid $(pgrep go-buildlet) --json")]
struct Args {
    /// The buildlet to measure; default: the one beside this program
    #[arg(long)]
    buildlet: Option<PathBuf>,
    /// Another buildlet that runs already and does the same work in turns
    #[arg(long, value_name = "URL")]
    peer: Option<String>,
    /// Its process, for its memory
    #[arg(long, requires = "peer")]
    peer_pid: Option<u32>,
    /// The tree that is moved; default: one is made up
    #[arg(long)]
    tree: Option<PathBuf>,
    /// Where work dirs lie: a memory file system takes the disk out of the figures
    #[arg(long, default_value = "/dev/shm")]
    scratch: PathBuf,
    /// How often everything is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Commands a round
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Small files that are uploaded
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    files: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let program = args.buildlet.clone().unwrap_or_else(|| {
        let beside = std::env::current_exe().unwrap();
        beside.with_file_name("buildlet")
    });
    assert!(
        program.exists(),
        "{} is missing: build it with `cargo build --release -p buildlet`",
        program.display()
    );
    let before = machine::load();
    let trees = Trees::make(args.tree.as_deref(), args.files, &args.scratch);
    let starts = process::starts(&program, &args.scratch, args.rounds).await;
    let ours = Process::start(&program, &args.scratch).await;
    let mut targets = vec![Target::new(
        "farmhand",
        client(&ours.address),
        Some(ours.pid()),
    )];
    if let Some(url) = &args.peer {
        let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
        assert_eq!(scheme, "http", "only plain HTTP is measured");
        let address = address.trim_end_matches('/');
        targets.push(Target::new("peer", client(address), args.peer_pid));
    }
    for target in &mut targets {
        let status = target.client.status().await;
        let status =
            status.unwrap_or_else(|error| panic!("{} does not answer: {error}", target.name));
        target.version = status.version;
        target.memory.push(Memory::of("fresh", target.pid));
    }
    for _ in 0..args.rounds {
        for target in &mut targets {
            work::round(
                &target.client.clone(),
                &trees,
                args.calls,
                &mut target.figures,
            )
            .await;
        }
    }
    // What was freed goes back to the system within a moment, or not at all.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for target in &mut targets {
        target.memory.push(Memory::of("after work", target.pid));
    }
    let report = Report {
        mode: format!(
            "release, direct mode on loopback, work dirs in {}",
            args.scratch.display()
        ),
        machine: (before, machine::load()),
        tree: trees.summary(),
        rounds: args.rounds,
        start_ms: bench::figures::Spread::of(&starts),
        binary_bytes: program.metadata().unwrap().len(),
        targets: targets.iter().map(report::Measured::of).collect(),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        print!("{report}");
    }
    ours.stop().await;
}

fn client(address: &str) -> Client {
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:80")
    };
    Client::new(Arc::new(TcpConnect::new(&address)), &address)
}
