//! The functions as a platform sees them: settings in, requests and answers, a real Pub/Sub server behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod commands;
mod dashboard;
mod gerrit;
mod github;
mod harness;
mod logs;
mod past;
mod pubsubhelper;
mod retrybuilds;
mod router;
mod sample;
mod terraform;
