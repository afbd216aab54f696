//! The runtime as a process sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod conformance;
mod lambda;
mod serve;
mod signals;

use std::time::Duration;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// This test binary as another process, which runs one of its tests with settings of its own.
fn again_as(test: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.kill_on_drop(true);
    command
}
