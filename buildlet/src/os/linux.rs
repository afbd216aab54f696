//! Linux.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::Args;
use crate::vars::Vars;

/// Where containers mount memory for builds.
const WORK_DIR: &str = "/workdir";
const PRODUCT: &str = "/sys/class/dmi/id/product_name";
const CONSOLE: &str = "/dev/console";

/// `/workdir`, if it is in memory and programs can be started there; remounted so if need be.
#[must_use]
pub fn in_memory_work_dir() -> Option<PathBuf> {
    let path = Path::new(WORK_DIR);
    if !kind(path).is_some_and(|kind| kind == TMPFS_MAGIC) {
        return None;
    }
    if !runs_programs(path) {
        let remount = ["-o", "remount,exec", WORK_DIR];
        let done = Command::new("mount")
            .args(remount)
            .stdin(Stdio::null())
            .output();
        match done {
            Ok(done) if runs_programs(path) => drop(done),
            _ => {
                tracing::warn!("{WORK_DIR} is mounted noexec and cannot be remounted");
                return None;
            }
        }
    }
    Some(path.to_owned())
}

fn kind(path: &Path) -> Option<FsType> {
    statfs(path).ok().map(|found| found.filesystem_type())
}

fn runs_programs(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| !found.flags().contains(FsFlags::ST_NOEXEC))
}

/// Whether the firmware says so: no question to the network.
#[must_use]
pub fn is_google_machine() -> bool {
    std::fs::read_to_string(PRODUCT).is_ok_and(|name| name.starts_with("Google"))
}

/// Where a cloud machine's log can be read from outside: only on a virtual machine of Google's, outside a pod.
#[must_use]
pub fn console(vars: &Vars) -> Option<File> {
    if vars.in_kubernetes() || !is_google_machine() {
        return None;
    }
    File::options().write(true).open(CONSOLE).ok()
}

/// Mac VMs alone are told things by their host.
///
/// # Errors
/// None.
pub fn guest_info(_: &Vars, _: &str) -> anyhow::Result<Option<String>> {
    Ok(None)
}

pub(super) fn configure(_: &mut Args, _: &mut Vars) -> anyhow::Result<()> {
    Ok(())
}

pub(super) fn raise_limits() -> anyhow::Result<()> {
    Ok(())
}

pub(super) async fn prepare_cloud_machine(_: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        assert!(runs_programs(Path::new("/usr")));
        assert!(kind(Path::new("/proc")).is_some_and(|kind| kind != TMPFS_MAGIC));
        assert!(kind(Path::new("/none")).is_none() && !runs_programs(Path::new("/none")));
    }
}
