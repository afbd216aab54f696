//! What differs between systems (`buildlet.md` 2.4, 2.5 and 9): one file each, with the same functions. Where a system has
//! nothing of its own it takes what is usual.
//!
//! Only Linux is tested. What is the same on all systems, tables and texts, is pure and tested here.

mod mac_vm;
mod tell;
#[cfg(unix)]
mod unix;
#[cfg(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "solaris",
    target_os = "windows"
))]
#[allow(
    dead_code,
    reason = "each system takes what it has nothing of its own for"
)]
mod usual;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;
#[cfg(target_os = "freebsd")]
#[path = "freebsd.rs"]
mod system;
#[cfg(target_os = "netbsd")]
#[path = "netbsd.rs"]
mod system;
#[cfg(target_os = "openbsd")]
#[path = "openbsd.rs"]
mod system;
#[cfg(target_os = "solaris")]
#[path = "solaris.rs"]
mod system;
#[cfg(target_os = "windows")]
#[path = "windows/mod.rs"]
mod system;
#[cfg(not(any(
    target_os = "linux",
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "solaris",
    target_os = "windows"
)))]
#[path = "usual.rs"]
mod system;

#[cfg(unix)]
pub use system::in_memory_work_dir;
#[cfg(windows)]
pub use system::{complete, home, hostname, make_program};
pub use system::{console, guest_info, is_google_machine};
#[cfg(unix)]
pub use unix::{complete, home, hostname, make_program};

use crate::Args;
use crate::metadata::Metadata;
use crate::vars::Vars;

/// Machines of this family had neither.
const SPACE_MONKEY: &str = "linux-arm-arm5spacemonkey";
/// A builder whose machines come clean only by a reboot.
const REBOOTS: &str = "solaris-amd64-smartosbuildlet";

/// First of all: what the family of machines decides, before anything is read from `args`.
///
/// # Errors
/// This is a Mac VM, and its host does not say what it is.
pub fn configure(args: &mut Args, vars: &mut Vars) -> anyhow::Result<()> {
    if vars.machine_family() == SPACE_MONKEY {
        vars.default_to("USER", "root");
        vars.default_to("HOME", "/root");
    }
    args.reboot |= args.reverse == [REBOOTS];
    system::configure(args, vars)
}

/// Before there is a work dir: limits of this process, and how disks are mounted.
///
/// # Errors
/// A limit cannot be raised though this is root.
pub async fn prepare(metadata: &Metadata) -> anyhow::Result<()> {
    system::raise_limits()?;
    if metadata.on_gce() {
        system::prepare_cloud_machine(metadata.get("buildlet-host-type").await?.is_some()).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn families_of_machines_have_their_defaults() {
        let mut args = Args::parse_from(["buildlet", "--reverse", REBOOTS]);
        let mut vars = Vars::of([("GO_BUILDER_ENV", SPACE_MONKEY), ("HOME", "/h")]);
        configure(&mut args, &mut vars).unwrap();
        assert!(args.reboot);
        assert_eq!(
            (vars.text("USER"), vars.text("HOME")),
            (Some("root"), Some("/h"))
        );
        let mut args = Args::parse_from(["buildlet", "--reverse", "a,b"]);
        let mut vars = Vars::default();
        configure(&mut args, &mut vars).unwrap();
        assert!(!args.reboot && vars.all().is_empty());
    }
}
