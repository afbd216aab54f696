//! The bus against a real Pub/Sub server: the farm's own emulator, in this process or in one that is killed. With
//! `FARM_BUS_TEST_ENDPOINT=http://HOST:PORT` the tests marked "ignored" in `foreign` run against another server, as
//! Google's emulator: `cargo test -p farm-bus --test it -- --ignored foreign`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod dead;
mod foreign;
mod harness;
mod outage;
mod process;
mod set_up;
mod traffic;
