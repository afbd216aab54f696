//! One stream of bytes over several ways to one source, in turns: what a tunnel costs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

use bench::figures::Spread;
use bench::{bulk, machine};
use clap::{Parser, Subcommand};
use farm_wire::stream::TcpConnect;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Measures the throughput of one TCP stream over several ways.
#[derive(Parser)]
#[command(after_help = "Example:
  stream-throughput serve 127.0.0.1:7000 &
  stream-throughput pull direct=127.0.0.1:7000 bore=127.0.0.1:7001")]
struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Gives bytes to whoever asks
    Serve { address: String },
    /// Takes bytes over every way in turns; ratios are to the first
    Pull {
        /// NAME=HOST:PORT
        #[arg(required = true, value_parser = way)]
        ways: Vec<(String, String)>,
        /// MB of each stream
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        megabytes: u32,
        /// How often
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
        rounds: u32,
    },
}

fn way(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').ok_or("expected NAME=HOST:PORT")?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

#[tokio::main]
async fn main() {
    match Args::parse().part {
        Part::Serve { address } => serve(&address).await,
        Part::Pull {
            ways,
            megabytes,
            rounds,
        } => pull(&ways, megabytes, rounds).await,
    }
}

async fn serve(address: &str) {
    let listener = TcpListener::bind(address).await.unwrap();
    let mut streams = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        streams.spawn(bulk::serve(tcp));
        while streams.try_join_next().is_some() {}
    }
}

async fn pull(ways: &[(String, String)], megabytes: u32, rounds: u32) {
    let before = machine::load();
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, address), rates) in ways.iter().zip(&mut rates) {
            rates.push(bulk::through(&TcpConnect::new(address), megabytes).await);
        }
    }
    println!(
        "one stream of {megabytes} MB, {rounds} rounds in turns, release, loopback; median (min to max)"
    );
    println!("before: {before}; after: {}", machine::load());
    let first = Spread::of(&rates[0]).median;
    for ((name, _), rates) in ways.iter().zip(&rates) {
        let spread = Spread::of(rates);
        println!("{name}: {spread} MB/s, {:.2}×", spread.median / first);
    }
}
