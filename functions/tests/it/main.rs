//! The functions as a platform sees them: settings in, requests and answers, a real Pub/Sub server behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod api;
mod build;
mod caching;
mod commands;
mod dashboard;
mod failures;
mod gerrit;
mod github;
mod grid;
mod harness;
mod inside;
mod logs;
mod markup;
mod openapi;
mod pages;
mod past;
mod provision;
mod pubsubhelper;
mod read;
mod report;
mod results;
mod retrybuilds;
mod router;
mod sample;
mod sign_in;
mod terraform;
mod y2019;
