//! What the tests share: repositories, processes, a farm of five processes, and waiting with a deadline.

mod farm;
mod process;
mod repository;
mod wait;

pub use farm::{Farm, Part};
pub use process::{Process, farm_command, leftovers};
pub use repository::{Repository, SHELL};
pub use wait::{PATIENCE, until};

/// A client for our own servers.
pub fn client() -> reqwest::Client {
    // The client asks for the process's TLS provider even where it speaks plain text.
    let _set_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
