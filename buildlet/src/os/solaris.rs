//! Solaris and illumos. Not tested.

pub use super::usual::{console, guest_info, in_memory_work_dir, is_google_machine};
pub(super) use super::usual::{prepare_cloud_machine, raise_limits};

use crate::Args;
use crate::vars::Vars;

/// Outside Oracle's own machines packages live below `/opt/local`.
pub(super) fn configure(_: &mut Args, vars: &mut Vars) -> anyhow::Result<()> {
    if !vars.machine_family().contains("oracle") {
        let path = vars.text("PATH").unwrap_or("/usr/bin:/bin").to_owned();
        vars.set("PATH", format!("{path}:/opt/local/bin"));
    }
    Ok(())
}
