//! The dashboard on a bucket with two years of history: what each page costs, weighs, and how many a core serves.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod documents;
mod history;
mod measure;
mod pages;
mod report;

use std::path::PathBuf;

use bench::machine;
use clap::Parser;

use history::History;
use measure::Site;
use pages::Page;
use report::Report;

/// Measures every page of the dashboard in process, on a made-up history in a folder.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --profile dist -p bench --bin dashboard
  target/dist/dashboard
  target/dist/dashboard --commits 2000 --only grid,sheet --json >dashboard.json
  target/dist/dashboard --keep /var/tmp/history --requests 0      only makes the bucket, for a browser")]
struct Args {
    /// Commits of the history; a tenth of it is measured beside it
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    commits: u64,
    /// Builders
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    builders: u32,
    /// Requests of each page, each with an address of its own
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    requests: u32,
    /// Seconds for which one address of each page is asked again and again
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Page>,
    /// Where buckets lie while they are measured
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
    /// Keep the large bucket in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

// One thread: what it serves in a second is what a core does.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args = Args::parse();
    let before = machine::load();
    let mut report = Report::new(args.commits, args.builders, before);
    for (at, commits) in [args.commits, args.commits / 10].into_iter().enumerate() {
        let history = History::new(commits, args.builders);
        let scratch = tempfile::tempdir_in(&args.scratch).unwrap();
        let folder = match &args.keep {
            Some(folder) if at == 0 => folder.clone(),
            _ => scratch.path().to_owned(),
        };
        eprintln!("{commits} commits × {} builders …", args.builders);
        let site = Site::on(&history, &folder).await;
        let wanted = |page: &Page| args.only.is_empty() || args.only.contains(page);
        for page in Page::ALL.into_iter().filter(wanted) {
            if args.requests > 0 {
                let figures = site.measure(page, args.requests, args.seconds).await;
                report.add(at, page, figures);
            }
        }
    }
    report.finish(machine::load());
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        print!("{report}");
    }
}
