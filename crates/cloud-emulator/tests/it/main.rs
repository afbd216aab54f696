//! The emulators by plain HTTP, as any client meets them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it cannot go on"
)]

mod gce;
mod http;
mod kubernetes;
mod processes;
