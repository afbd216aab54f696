#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "a test ends where it cannot go on"
)]

mod farm;
mod process;
mod queue;
mod repository;
mod wait;

pub use farm::{Farm, Part};
pub use process::{Process, farm_command, leftovers};
pub use repository::{Repository, SHELL};
pub use wait::{PATIENCE, until, until_within};

/// A client for our own servers.
#[must_use]
pub fn client() -> reqwest::Client {
    // The client asks for the process's TLS provider even where it speaks plain text.
    let _set_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
