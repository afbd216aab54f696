//! The hub as it runs: real TLS, real buildlets, the Pub/Sub emulator, a bucket in a folder, git.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod blobs;
mod clean;
mod crowd;
mod drain;
mod fleet;
mod harness;
mod holds;
mod jobs;
mod keys;
mod machine;
mod machines;
mod offers;
mod pages;
mod peer;
mod program;
mod puppet;
mod queue;
mod registration;
mod repository;
mod running_logs;
mod suites;
mod versions;
