//! Every kind of pool against a cloud that keeps what it is told, and whose machines run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test ends where it cannot go on, and has no clock but the system's"
)]

mod every;
mod gce;
mod kubernetes;
mod stage;
