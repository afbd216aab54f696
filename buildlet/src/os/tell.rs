//! Commands of the system that should work, and whose failure is only told.

use std::time::Duration;

use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(10);

/// Runs a command, for ten seconds at most, and logs its failure.
#[cfg_attr(
    not(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")),
    expect(dead_code, reason = "the BSDs alone need it")
)]
pub(super) async fn run_or_log(command: &[&str]) {
    let Some((program, args)) = command.split_first() else {
        return;
    };
    let mut child = Command::new(program);
    child.args(args).kill_on_drop(true);
    let line = command.join(" ");
    match tokio::time::timeout(LIMIT, child.output()).await {
        Ok(Ok(done)) if done.status.success() => {}
        Ok(Ok(done)) => {
            let said = String::from_utf8_lossy(&done.stderr);
            tracing::warn!(status = %done.status, "{line}: {}", said.trim());
        }
        Ok(Err(error)) => tracing::warn!(%error, "{line}"),
        Err(_) => tracing::warn!("{line} takes too long"),
    }
}
