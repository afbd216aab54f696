//! Our Pub/Sub emulator, durable and in memory, beside Google's.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod deliver;
mod latency;
mod measures;
mod meter;
mod official;
mod publish;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::machine;
use bench::pubsub::{Kind, Program, Server};
use clap::Parser;

use measures::{Measure, Plan};
use report::Report;

/// Measures start, memory, throughput and latency of Pub/Sub emulators, in turns.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release -p farm-pubsub-emulator -p bench --bin pubsub-emulator --bin pubsub
  target/release/pubsub --rounds 3
  target/release/pubsub --only deliver --without-google --json >pubsub.json")]
struct Args {
    /// The emulator to measure; default: the one beside this program
    #[arg(long)]
    emulator: Option<PathBuf>,
    /// Google's: the script of the Cloud SDK, which needs java
    #[arg(
        long,
        default_value = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/bin/cloud-pubsub-emulator"
    )]
    google: PathBuf,
    /// Ours alone
    #[arg(long)]
    without_google: bool,
    /// How often everything is measured, but for the backlog: that once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds of each measurement of a rate
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Messages a second where latency is measured
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// MB of the backlog whose memory is measured; ours take 4 GiB at most
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=4000))]
    backlog: u64,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Where data folders lie
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    official::tls();
    machine::allow_files(4096).unwrap_or_else(|why| eprintln!("{why}"));
    let before = machine::load();
    let programs = programs(&args);
    let kinds: Vec<Kind> = programs.iter().map(|program| program.kind).collect();
    let mode = format!(
        "messages of 1 KiB over loopback, plain gRPC stubs but where the official client is named; \
         {} s each; data in {}",
        args.seconds,
        args.scratch.display()
    );
    let mut report = Report::new(mode, args.rounds, before, &kinds);
    let plan = Plan {
        scratch: args.scratch.clone(),
        length: Duration::from_secs(args.seconds),
        rate: args.rate,
        backlog: args.backlog,
    };
    let wanted = |measure: &Measure| args.only.is_empty() || args.only.contains(measure);
    for measure in Measure::ALL.into_iter().filter(wanted) {
        turns(measure, &programs, &plan, args.rounds, &mut report).await;
    }
    report.finish(machine::load());
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        print!("{report}");
    }
}

/// One measurement, round after round, each emulator once a round. A virtual machine stays warm from round to round, and
/// no other emulator runs anything meanwhile.
async fn turns(
    measure: Measure,
    programs: &[Program],
    plan: &Plan,
    rounds: u32,
    report: &mut Report,
) {
    eprintln!("{measure:?} …");
    if measure.starts_its_own() {
        for _ in 0..if measure == Measure::Backlog {
            1
        } else {
            rounds
        } {
            for (at, program) in programs.iter().enumerate() {
                measures::fresh(measure, program, plan, at, report).await;
            }
        }
        return;
    }
    let mut servers = Vec::new();
    for program in programs {
        servers.push(Server::ready(program, &plan.scratch).await.0);
    }
    for _ in 0..rounds {
        for (at, server) in servers.iter().enumerate() {
            measures::running(measure, server, plan, at, report).await;
        }
    }
}

fn programs(args: &Args) -> Vec<Program> {
    let path = args.emulator.clone().unwrap_or_else(|| {
        let beside = std::env::current_exe().unwrap();
        beside.with_file_name("pubsub-emulator")
    });
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --release -p farm-pubsub-emulator`",
        path.display()
    );
    let ours = |kind| Program {
        kind,
        path: path.clone(),
    };
    let mut programs = vec![ours(Kind::Durable), ours(Kind::Memory)];
    match missing(&args.google) {
        _ if args.without_google => {}
        Some(what) => eprintln!("skipped: Google's emulator: there is no {what}"),
        None => programs.push(Program {
            kind: Kind::Google,
            path: args.google.clone(),
        }),
    }
    programs
}

/// What Google's emulator needs and this machine has not.
fn missing(script: &Path) -> Option<String> {
    if !script.exists() {
        return Some(script.display().to_string());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let java = std::env::split_paths(&path).any(|folder| folder.join("java").exists());
    (!java && std::env::var_os("JAVA_HOME").is_none()).then(|| "java".to_owned())
}
