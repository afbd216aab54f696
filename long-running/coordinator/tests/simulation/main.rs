//! Whole farms in simulated time: the real core, leader and store in worlds where messages are late, lost before they are
//! acknowledged, repeated and reordered, where processes die between any two steps, stand still and come back, and where
//! two coordinators believe that they lead. Thousands of seeds a minute; a seed that fails tells the same story again.
//!
//! `SIM_SEEDS=5000 cargo test -p coordinator --test simulation storms` tries more of them;
//! `SIM_SEED=17 …` replays one and prints its story.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod again;
mod breakages;
mod broken;
mod chaos;
mod coordinator;
mod hub;
mod job;
mod ledger;
mod orders;
mod outside;
mod pool;
mod queue;
mod rng;
mod seeds;
mod source;
mod world;

use crate::outside::Sabotage;
use crate::seeds::{Report, on_postgres, seeds};

#[test]
fn storms() {
    let report = seeds(Sabotage::None, 120);
    println!("{report}");
    report.expect_sound();
    report.expect_breakages();
    report.expect_machines();
}

#[test]
fn storms_on_postgresql() {
    if let Some(failures) = on_postgres(3) {
        assert!(failures.is_empty(), "{failures:?}");
    }
}

/// Two leaders at once would double outcomes if the database let the old one write.
#[test]
fn without_the_fence_something_is_found() {
    expect_found(&seeds(Sabotage::NoFence, 60));
}

#[test]
fn telling_before_the_commit_is_found() {
    expect_found(&seeds(Sabotage::TellsEarly, 60));
}

#[test]
fn acknowledging_before_the_commit_is_found() {
    expect_found(&seeds(Sabotage::AcksEarly, 60));
}

#[expect(
    clippy::print_stdout,
    reason = "whoever runs it wants to know how many"
)]
fn expect_found(report: &Report) {
    println!("{report}");
    assert!(!report.failures.is_empty(), "no seed found it: {report}");
}
