//! The hub as it runs: real TLS, real buildlets, the Pub/Sub emulator, a bucket in a folder, git.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod drain;
mod fleet;
mod harness;
mod jobs;
mod machine;
mod machines;
mod offers;
mod registration;
mod repository;
