//! The XML API over HTTP, in this process or in one that is killed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod durability;
mod json;
mod lists;
mod objects;
mod server;
mod uploads;
