//! The bus against real servers: the farm's own emulator of Pub/Sub, in this process or in one that is killed, and in
//! `contract` also Google's emulator and a stand-in for AWS, where they are on this machine. What is not there is skipped, and
//! says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod child;
mod contract;
mod dead;
mod harness;
mod outage;
mod process;
mod push;
mod set_up;
