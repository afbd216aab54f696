//! Pools against stand-ins of their clouds. Those that run machines are the farm's own: see `local-emulator/tests/it/pools`.
#![cfg(feature = "aws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

/// Servers of others, as the queues' tests have them.
#[path = "../../../bus/tests/it/child.rs"]
mod child;
mod ec2;
