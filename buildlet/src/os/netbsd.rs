//! NetBSD. Not tested.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::tell::run_or_log;
use crate::Args;
use crate::vars::Vars;

/// Nowhere in memory.
#[must_use]
pub fn in_memory_work_dir() -> Option<PathBuf> {
    None
}

/// Not known without asking the network.
#[must_use]
pub fn is_google_machine() -> bool {
    false
}

/// Standard error is all.
#[must_use]
pub fn console(_: &Vars) -> Option<File> {
    None
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
