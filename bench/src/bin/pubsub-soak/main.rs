//! Load with ordering keys on our Pub/Sub emulator while it is killed again and again; then accounting.
//!
//! Nothing that was answered may be lost, keys keep their order, and only what was not acknowledged comes again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

mod consume;
mod ledger;
mod lives;
mod publish;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::machine;
use bench::pubsub::{Kind, Program, Wire};
use clap::Parser;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::Subscription;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use consume::Consumer;
use ledger::{Ledger, Promise};
use lives::Lives;
use publish::Publisher;

/// Kills a durable emulator under load and accounts for every message.
#[derive(Parser)]
#[command(after_help = "Example:
  target/release/pubsub-soak --seconds 600 --every 20")]
struct Args {
    /// The emulator; default: the one beside this program
    #[arg(long)]
    emulator: Option<PathBuf>,
    /// How long messages are published
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Seconds between two kills
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Messages a second, over all keys
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Ordering keys, each with a publisher of its own
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    keys: u32,
    /// Where the data folder lies
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
}

/// For what is left after the load.
const CATCH_UP: Duration = Duration::from_secs(60);
/// How long an emulator is watched that should have nothing more to say.
const QUIET: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let before = machine::load();
    let program = Program {
        kind: Kind::Durable,
        path: args.emulator.clone().unwrap_or_else(|| {
            let beside = std::env::current_exe().unwrap();
            beside.with_file_name("pubsub-emulator")
        }),
    };
    let lives = Arc::new(Lives::start(&program, &args.scratch).await);
    let mut wire = Wire::connect(&lives.address).await;
    let topic = wire.topic().await;
    let ledgers = [
        subscribe(&mut wire, &topic, Promise::AtLeastOnce).await,
        subscribe(&mut wire, &topic, Promise::ExactlyOnce).await,
    ];
    let answered = soak(&args, &lives, &topic, &ledgers).await;
    println!("before: {before}; after: {}", machine::load());
    println!("{}", lives.summary());
    println!("{}", answered.summary());
    let mut wrong = 0;
    for (_, ledger) in &ledgers {
        let account = ledger.account(&answered.of_keys);
        println!("{}", account.summary);
        account
            .wrong
            .iter()
            .take(40)
            .for_each(|line| eprintln!("WRONG: {line}"));
        wrong += account.wrong.len();
    }
    if wrong > 0 {
        eprintln!("{wrong} wrong");
        return ExitCode::FAILURE;
    }
    println!("nothing answered is lost, keys keep their order, only the unacknowledged came again");
    ExitCode::SUCCESS
}

async fn subscribe(wire: &mut Wire, topic: &str, promise: Promise) -> (String, Arc<Ledger>) {
    let with = Subscription {
        enable_message_ordering: true,
        enable_exactly_once_delivery: promise == Promise::ExactlyOnce,
        ack_deadline_seconds: 60,
        ..Subscription::default()
    };
    let name = wire.subscription(topic, with).await;
    (name, Arc::new(Ledger::new(promise)))
}

/// Publishes, consumes and kills; returns when everything that was answered has been consumed, and one more life has had
/// nothing to add.
async fn soak(
    args: &Args,
    lives: &Arc<Lives>,
    topic: &str,
    ledgers: &[(String, Arc<Ledger>)],
) -> publish::Answered {
    let over = CancellationToken::new();
    let mut consumers = JoinSet::new();
    for (subscription, ledger) in ledgers {
        let consumer = Consumer::new(lives, subscription, ledger, &over);
        consumers.spawn(consumer.run());
    }
    let mut publishers = JoinSet::new();
    let end = Instant::now() + Duration::from_secs(args.seconds);
    for key in 0..args.keys {
        let publisher = Publisher::new(lives, topic, key);
        let pause = Duration::from_secs(1) * args.keys / args.rate;
        publishers.spawn(publisher.run(pause, end));
    }
    let killing = lives.kill_every(Duration::from_secs(args.every), end);
    let (of_keys, ()) = tokio::join!(publishers.join_all(), killing);
    let answered = publish::Answered::of(of_keys);
    let caught_up = || {
        ledgers
            .iter()
            .all(|(_, ledger)| ledger.has_all(&answered.of_keys))
    };
    let deadline = Instant::now() + CATCH_UP;
    while !caught_up() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Acknowledgements have this long to become durable, then one more life.
    tokio::time::sleep(QUIET).await;
    lives.kill().await;
    tokio::time::sleep(QUIET).await;
    over.cancel();
    consumers.join_all().await;
    answered
}
