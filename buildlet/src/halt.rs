//! Halting the machine (`buildlet.md` 4.8 and 9.1).

use std::time::Duration;

use tokio::process::Command;

use crate::Args;

/// For the system's command: then this process ends anyway.
const LIMIT: Duration = Duration::from_secs(5);

/// Does what the operator allowed: reboot, power down, or nothing but ending.
pub async fn halt(args: &Args) {
    let command: &[&str] = match (args.reboot, args.halt) {
        (true, _) => &["reboot"],
        (false, true) => POWER_DOWN,
        (false, false) => &[],
    };
    let Some((program, rest)) = command.split_first() else {
        return tracing::info!("halt: ending");
    };
    tracing::info!(command = %command.join(" "), "halt");
    match tokio::time::timeout(LIMIT, Command::new(program).args(rest).status()).await {
        Ok(Ok(status)) if status.success() => {}
        Ok(Ok(status)) => tracing::error!(%status, "halting failed"),
        Ok(Err(error)) => tracing::error!(%error, "halting failed"),
        Err(_) => tracing::error!("halting takes too long"),
    }
}

#[cfg(target_os = "linux")]
const POWER_DOWN: &[&str] = &["/bin/halt", "-n", "-f", "-p"];
#[cfg(target_os = "freebsd")]
const POWER_DOWN: &[&str] = &["shutdown", "-p", "-o", "now"];
#[cfg(target_os = "openbsd")]
const POWER_DOWN: &[&str] = &["halt", "-q", "-n", "-p"];
#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd")))]
const POWER_DOWN: &[&str] = &[];
