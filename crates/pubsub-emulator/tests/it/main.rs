//! The emulator through the official client, through REST, and through `kill -9`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod admin;
mod delivery;
mod disturbance;
mod durability;
mod grpc;
mod harness;
mod kill;
mod push;
mod replay;
mod rest;
mod schemas;
mod snapshots;
