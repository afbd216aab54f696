//! NetBSD. Not tested.

pub(super) use super::usual::configure;
pub use super::usual::{console, guest_info, in_memory_work_dir, is_google_machine};

use anyhow::Context;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::tell::run_or_log;

/// Linkers need more data than is allowed.
pub(super) fn raise_limits() -> anyhow::Result<()> {
    match setrlimit(Resource::RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY) {
        Err(error) if nix::unistd::geteuid().is_root() => {
            Err(error).context("cannot raise the limit of data segments")
        }
        _ => Ok(()),
    }
}

/// Builds need no durable disk.
pub(super) async fn prepare_cloud_machine(is_buildlet: bool) {
    if is_buildlet {
        run_or_log(&["/sbin/mount", "-u", "-o", "async,noatime", "/"]).await;
    }
}
