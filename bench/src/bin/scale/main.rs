//! How much one coordinator can hold, and what a decision costs then.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod deciders;
mod parts;
mod report;
mod shape;
mod state;
mod traffic;
mod world;

use clap::{Parser, Subcommand};
use parts::{Part, Size};
use state::{Database, Kind};

/// Measures decisions, memory, restart and database of farms with many open builds.
///
/// The farm has the shape of the Go project's: 68 kinds of machines, 95 builders, 35 repositories. A decision is one fact in
/// (a push, the end of a build, a heartbeat of 200 machines, a look at the time) until every idle machine has what waits for it; with the
/// store, until it is durable. Each farm is a process of its own.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release -p bench --bin scale
  target/release/scale --builds 2000,25000
  target/release/scale --builds 140000 --only core --rounds 300
  target/release/scale --builds 140000 --only store,finished --state sqlite,postgres
  target/release/scale --json >scale.json")]
struct Args {
    /// Open builds of each farm
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 25_000, 140_000, 1_000_000])]
    builds: Vec<usize>,
    /// Machines of each farm
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    machines: u32,
    /// Rounds of traffic with the core alone; each is a push and what it makes of work: about 100 decisions
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// The same with the store
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    store_rounds: u32,
    /// Nothing but these
    #[arg(long, value_delimiter = ',', default_values_t = [What::Core, What::Store, What::Finished, What::Views])]
    only: Vec<What>,
    /// What the state is kept in
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Kind::Sqlite])]
    state: Vec<Kind>,
    /// Where SQLite's files are made; its disk decides
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: std::path::PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Decisions and memory of farm-core alone
    Core,
    /// Decisions with the store, the database's size, restart
    Store,
    /// The database of builds that are over
    Finished,
    /// Cost of the pages with more and more history
    Views,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Store => "store",
            Self::Finished => "finished",
            Self::Views => "views",
        })
    }
}

#[derive(Subcommand)]
enum Command {
    /// One part: started by the measurement itself
    #[command(hide = true, subcommand)]
    Part(Part),
}

fn main() {
    let args = Args::parse();
    if let Some(Command::Part(part)) = args.command {
        return part.run();
    }
    let report = measure(&args);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    }
}

/// Everything that was asked for; what is found is shown as it is found, unless JSON is wanted.
fn measure(args: &Args) -> report::Report {
    let mut report = report::Report::new(args.machines);
    let show = |line: &str| {
        if !args.json {
            println!("{line}");
        }
    };
    show(&report.heading());
    let wants = |what| args.only.contains(&what);
    let size = |builds: usize, rounds: u32, state: String| Size {
        builds,
        machines: args.machines as usize,
        rounds: rounds as usize,
        state,
    };
    for &builds in &args.builds {
        if wants(What::Core) {
            let found = Part::Core(size(builds, args.rounds, String::new())).elsewhere();
            show(&report::core(&found));
            report.core.push(found);
        }
        if wants(What::Store) {
            for (kind, database) in databases(args) {
                let part = Part::Store(size(builds, args.store_rounds, database.url()));
                let found = part.elsewhere();
                show(&report::store(kind, &found));
                let restarted = Part::Restart(size(builds, 0, database.url())).elsewhere();
                show(&report::restart(&restarted));
                report.store.push((kind, found, restarted));
            }
        }
    }
    if wants(What::Finished) {
        for (kind, database) in databases(args) {
            let part = Part::Finished(size(report::FINISHED, 0, database.url()));
            let found = part.elsewhere();
            show(&report::finished(kind, &found));
            report.finished.push((kind, found));
        }
    }
    if wants(What::Views) {
        for times in [1, 10] {
            let part = Part::Views(size(report::FINISHED * times, 0, String::new()));
            let found = part.elsewhere();
            show(&report::views(&found));
            report.views.push(found);
        }
    }
    for line in report.growth() {
        show(&line);
    }
    report.end();
    show(&report.machine.1);
    report
}

/// Empty ones of each kind asked for; says where there is none.
fn databases(args: &Args) -> impl Iterator<Item = (Kind, Database)> {
    let made = args.state.iter().map(|kind| {
        let database = Database::new(*kind, &args.folder);
        database.map(|database| (*kind, database))
    });
    made.filter_map(|made| made.map_err(|why| eprintln!("skipped: {why}")).ok())
}
