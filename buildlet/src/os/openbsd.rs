//! OpenBSD. Not tested.

pub(super) use super::usual::configure;
pub use super::usual::{console, guest_info, in_memory_work_dir, is_google_machine};

use anyhow::Context;
use nix::sys::resource::{Resource, setrlimit};

use super::tell::run_or_log;

/// Builds open many files at once.
const FILES: u64 = 32_768;

pub(super) fn raise_limits() -> anyhow::Result<()> {
    match setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES) {
        Err(error) if nix::unistd::geteuid().is_root() => {
            Err(error).context("cannot raise the limit of open files")
        }
        _ => Ok(()),
    }
}

/// The cloud's networks carry no larger packets; builds need no durable disk.
pub(super) async fn prepare_cloud_machine(is_buildlet: bool) {
    run_or_log(&["ifconfig", "vio0", "mtu", "1460"]).await;
    if is_buildlet {
        run_or_log(&["/sbin/mount", "-u", "-o", "async,noatime", "/"]).await;
    }
}
