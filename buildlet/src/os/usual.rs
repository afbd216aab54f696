//! What most systems have in common, where they need nothing of their own. Not tested.

use std::fs::File;
use std::path::PathBuf;

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

pub(super) fn raise_limits() -> anyhow::Result<()> {
    Ok(())
}

pub(super) async fn prepare_cloud_machine(_: bool) {}
