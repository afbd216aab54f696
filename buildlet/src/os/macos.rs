//! macOS, and virtual machines of it on `VMware` (`buildlet.md` 8.2 and 9.2). Not tested.

pub use super::usual::{console, in_memory_work_dir, is_google_machine};
pub(super) use super::usual::{prepare_cloud_machine, raise_limits};

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::mac_vm;
use crate::Args;
use crate::vars::Vars;

const TOOLS: &str = "/Library/Application Support/VMware Tools/vmware-tools-daemon";

/// What the host of this virtual machine says of `guestinfo.<key>`; `None` on any other Mac.
///
/// # Errors
/// The host cannot be asked, or has no value.
pub fn guest_info(vars: &Vars, key: &str) -> anyhow::Result<Option<String>> {
    if vars.machine_family() != mac_vm::FAMILY {
        return Ok(None);
    }
    match asked(key)? {
        value if value.is_empty() => bail!("the host of this machine has no guestinfo.{key}"),
        value => Ok(Some(value)),
    }
}

fn asked(key: &str) -> anyhow::Result<String> {
    let question = format!("info-get guestinfo.{key}");
    let said = Command::new(TOOLS)
        .args(["--cmd", &question])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {TOOLS}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match text(&said.stderr) {
        error if error.contains("No value found") => Ok(String::new()),
        error if !said.status.success() => bail!("{TOOLS}: {error}"),
        _ => Ok(text(&said.stdout)),
    }
}

/// These machines are clean only after a restart, and say themselves what they are.
pub(super) fn configure(args: &mut Args, vars: &mut Vars) -> anyhow::Result<()> {
    if vars.machine_family() != mac_vm::FAMILY {
        return Ok(());
    }
    for command in mac_vm::SETTINGS {
        // A screen saver that stays on does no harm.
        drop(
            Command::new(command[0])
                .args(&command[1..])
                .stdin(Stdio::null())
                .status(),
        );
    }
    let said = Command::new("sw_vers")
        .arg("-productVersion")
        .output()
        .context("cannot ask for the system's version")?;
    mac_vm::configure(
        args,
        &String::from_utf8_lossy(&said.stdout),
        &asked("name")?,
    )
}
