//! What is measured, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use bench::pubsub::{Kind, Program, Server};
use clap::ValueEnum;

use crate::deliver::{Shape, Way, delivered};
use crate::latency::{self, Latency, Pace};
use crate::meter::Rate;
use crate::official;
use crate::publish::{self, Memory, published};
use crate::report::{Better, Report};

/// One kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// Start of the process to the first answered publish; memory at rest
    Start,
    /// Memory under a backlog, and the restart with it
    Backlog,
    /// Publishing alone
    Publish,
    /// Publishing, delivery and acknowledgement together
    Deliver,
    /// The same with the official Rust client
    Official,
    /// Publish to arrival on a stream, at a fixed rate
    Stream,
    /// Publish to arrival at a push endpoint, at a fixed rate
    Push,
}

impl Measure {
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Backlog,
        Self::Publish,
        Self::Deliver,
        Self::Official,
        Self::Stream,
        Self::Push,
    ];

    /// Wants a process that has done nothing yet.
    pub fn starts_its_own(self) -> bool {
        matches!(self, Self::Start | Self::Backlog)
    }
}

/// How much of everything.
pub struct Plan {
    pub scratch: PathBuf,
    pub length: Duration,
    pub rate: u32,
    pub backlog: u64,
}

/// A measurement that begins with the start of a process.
pub async fn fresh(
    measure: Measure,
    program: &Program,
    plan: &Plan,
    at: usize,
    report: &mut Report,
) {
    let (mut server, took) = Server::ready(program, &plan.scratch).await;
    let mut memory = |when: &str, memory: Memory| {
        for (figure, value) in [("PSS", memory.pss), ("RSS", memory.rss)] {
            report.add(at, &format!("{figure} {when}"), "MB", Better::Lower, value);
        }
    };
    if measure == Measure::Backlog {
        let when = format!("under a backlog of {} MB", plan.backlog);
        memory(&when, publish::backlog(&server, plan.backlog).await);
        if program.kind == Kind::Durable {
            let what = format!("restart {when}");
            let took = server.restarted().await.as_secs_f64() * 1e3;
            report.add(at, &what, "ms", Better::Lower, took);
        }
        return;
    }
    // A virtual machine goes on with its start for a moment.
    tokio::time::sleep(Duration::from_secs(1)).await;
    memory("at rest", Memory::of(&server));
    let took = took.as_secs_f64() * 1e3;
    report.add(
        at,
        "exec to first answered publish",
        "ms",
        Better::Lower,
        took,
    );
}

/// A measurement of an emulator that runs already.
pub async fn running(
    measure: Measure,
    server: &Server,
    plan: &Plan,
    at: usize,
    report: &mut Report,
) {
    let pace = Pace {
        rate: plan.rate,
        length: plan.length,
    };
    match measure {
        Measure::Start | Measure::Backlog => {}
        Measure::Publish => {
            for (what, load) in [
                ("published, batches of 100", publish::BATCHES),
                ("published, singles", publish::SINGLES),
            ] {
                rate(report, at, what, published(server, load, plan.length).await);
            }
        }
        Measure::Deliver => {
            for (what, shape) in shapes() {
                rate(
                    report,
                    at,
                    &what,
                    delivered(server, shape, plan.length).await,
                );
            }
        }
        Measure::Official => {
            let what = "delivered, official Rust client";
            rate(
                report,
                at,
                what,
                official::delivered(server, plan.length).await,
            );
        }
        Measure::Stream => {
            let what = format!("publish → stream at {}/s", plan.rate);
            times(report, at, &what, latency::stream(server, pace).await);
        }
        Measure::Push => {
            let what = format!("publish → push at {}/s", plan.rate);
            times(report, at, &what, latency::push(server, pace).await);
        }
    }
}

/// One subscriber, many of one subscription, and many subscriptions: streams and pulls.
fn shapes() -> Vec<(String, Shape)> {
    let mut shapes = Vec::new();
    for (way, name) in [(Way::Streaming, "streaming"), (Way::Pull, "pull")] {
        for (subscriptions, subscribers) in [(1, 1), (1, 50), (50, 1)] {
            let who = match (subscriptions, subscribers) {
                (1, 1) => "one subscriber",
                (1, _) => "50 subscribers of one subscription",
                _ => "50 subscriptions",
            };
            let shape = Shape {
                way,
                subscriptions,
                subscribers,
            };
            shapes.push((format!("delivered, {name}, {who}"), shape));
        }
    }
    shapes
}

fn rate(report: &mut Report, at: usize, what: &str, rate: Rate) {
    report.add(at, what, "/s", Better::Higher, rate.per_second);
    let cpu = format!("  CPU of the emulator, {what}");
    report.add(at, &cpu, "µs a message", Better::Lower, rate.server_us);
    let cpu = format!("  CPU of the client, {what}");
    report.add(at, &cpu, "µs a message", Better::Neither, rate.client_us);
}

fn times(report: &mut Report, at: usize, what: &str, latency: Latency) {
    for (name, value) in [("p50", latency.p50), ("p99", latency.p99)] {
        let what = format!("{what}, {name}");
        report.add(at, &what, "ms", Better::Lower, value);
    }
}
