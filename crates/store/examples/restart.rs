//! How long a leader takes to load: `cargo run --release -p farm-store --features testing --example restart [OPEN [FINISHED]]`
//!
//! Fills a SQLite file, and a private PostgreSQL server where there is one, with OPEN open builds among FINISHED ones
//! that are over for long; durable, as in production. Prints times and sizes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends where it cannot go on"
)]

use std::time::{Duration, Instant};

use farm_store::testing::sample;
use farm_store::{Batch, Committed, Durability, Keep, StateUrl, Store, open};

/// Builds of one commit.
const PORTION: u32 = 250;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let open_builds = numbers.next().unwrap_or(140_000);
    let finished = numbers.next().unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let file = StateUrl::Sqlite(folder.path().join("state.db"));
    measure(&file, open_builds, finished);
    let bytes = std::fs::metadata(folder.path().join("state.db"))
        .unwrap()
        .len();
    println!("  file: {} MiB", bytes >> 20);
    #[cfg(unix)]
    match farm_store::testing::postgres::Server::start(Durability::Fsync) {
        Ok(server) => measure(&server.database(), open_builds, finished),
        Err(why) => println!("PostgreSQL skipped: {why}"),
    }
}

fn measure(url: &StateUrl, open_builds: u32, finished: u32) {
    println!("{url}: {open_builds} open, {finished} over");
    let mut store = open(url).unwrap();
    fill(&mut *store, open_builds, finished);
    drop(store);
    // The first is the restart; those after it show what the operating system's cache is worth.
    for _ in 0..3 {
        let (start, worked) = (Instant::now(), processor_time());
        let mut store = open(url).unwrap();
        let opened = start.elapsed();
        let keep = Keep::FinishedSince(sample::at(1_000));
        let loaded = store.load(keep).unwrap();
        let all = start.elapsed();
        assert_eq!(loaded.builds.len() as u32, open_builds);
        let worked = processor_time() - worked;
        println!("  open {opened:?}, open and load {all:?}; processor time {worked:?}");
    }
    finds(&mut *open(url).unwrap(), finished);
}

/// Of this process on all processors: what a machine that does other things too would take if it did not. Zero where
/// there is no /proc.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold spaces: fields 14 and 15, in hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(
        ticks
            .filter_map(|text| text.parse::<u64>().ok())
            .sum::<u64>()
            * 10,
    )
}

/// Open builds lie among finished ones, every so many.
fn fill(store: &mut dyn Store, open_builds: u32, finished: u32) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let all = open_builds + finished;
    let is_open = |number: u32| {
        let share = |n: u32| u64::from(n) * u64::from(open_builds) / u64::from(all);
        share(number + 1) > share(number)
    };
    let mut times = Vec::new();
    for first in (0..all).step_by(PORTION as usize) {
        let builds: Vec<_> = (first..all.min(first + PORTION))
            .map(sample::build)
            .collect();
        let runs = builds.iter().zip(first..);
        let batch = Batch {
            runs: runs
                .map(|(build, number)| match is_open(number) {
                    true => sample::run(&build.id, 1),
                    false => sample::finished(&build.id, 1),
                })
                .collect(),
            builds,
            ..Batch::default()
        };
        let start = Instant::now();
        assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
        times.push(start.elapsed());
    }
    let (median, p99) = quantiles(times);
    println!(
        "  commit of {PORTION} builds and their runs, durable: median {median:?}, p99 {p99:?}"
    );
}

/// Of what is not in memory.
fn finds(store: &mut dyn Store, builds: u32) {
    let mut times = Vec::new();
    for number in (0..builds).step_by((builds as usize / 1_000).max(1)) {
        let key = sample::build(number).key;
        let start = Instant::now();
        assert_eq!(store.find(&key.builder, &key.commit).unwrap().len(), 1);
        times.push(start.elapsed());
    }
    let (median, p99) = quantiles(times);
    println!("  find: median {median:?}, p99 {p99:?}");
}

fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
