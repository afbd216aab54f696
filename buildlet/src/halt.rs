//! Halting the machine (`buildlet.md` 4.8 and 9.1).

use std::env::consts::OS;
use std::time::Duration;

use tokio::process::Command;

use crate::Args;
use crate::environment::Environment;

/// For the system's command: then this process ends anyway.
const LIMIT: Duration = Duration::from_secs(5);
/// Names the family that a machine belongs to.
const FAMILY: &str = "GO_BUILDER_ENV";

/// Does what the operator allowed: reboot, power down, or nothing but ending.
pub async fn halt(args: &Args, environment: &Environment) {
    let is_mac_vm = environment
        .own(FAMILY)
        .is_some_and(|family| family == "macstadium_vm");
    let command: &[&str] = match (args.reboot, args.halt) {
        (true, _) => reboot(OS),
        (false, true) => power_down(OS, is_mac_vm),
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

/// How a system is started again.
fn reboot(os: &str) -> &'static [&'static str] {
    match os {
        "windows" => &["shutdown", "/r", "/f", "/t", "0"],
        _ => &["reboot"],
    }
}

/// How a system is powered down; not at all where nobody said how.
fn power_down(os: &str, is_mac_vm: bool) -> &'static [&'static str] {
    match os {
        "linux" => &["/bin/halt", "-n", "-f", "-p"],
        "freebsd" => &["shutdown", "-p", "-o", "now"],
        "openbsd" => &["halt", "-q", "-n", "-p"],
        "macos" if is_mac_vm => &["/usr/bin/sudo", "/sbin/halt", "-n", "-q", "-l"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::{power_down, reboot};

    #[test]
    fn only_systems_that_know_how_are_powered_down() {
        let command = |os, is_mac_vm| power_down(os, is_mac_vm).join(" ");
        assert_eq!(command("linux", false), "/bin/halt -n -f -p");
        assert_eq!(command("freebsd", false), "shutdown -p -o now");
        assert_eq!(command("openbsd", false), "halt -q -n -p");
        assert_eq!(command("macos", true), "/usr/bin/sudo /sbin/halt -n -q -l");
        for (os, is_mac_vm) in [("macos", false), ("windows", false), ("netbsd", true)] {
            assert_eq!(command(os, is_mac_vm), "", "{os}");
        }
        assert_eq!(reboot("linux"), ["reboot"]);
        assert_eq!(reboot("windows").join(" "), "shutdown /r /f /t 0");
    }
}
