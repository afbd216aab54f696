//! Windows.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub use super::usual::guest_info;
pub(super) use super::usual::{configure, prepare_cloud_machine};
use crate::vars::Vars;

mod errors;
mod firmware;

pub(super) use errors::raise_limits;

/// The first serial port, which the cloud shows.
const CONSOLE: &str = r"\\.\COM1";

/// Where files of this user live (`buildlet.md` 8.2); services have only the second.
#[must_use]
pub fn home(vars: &Vars) -> PathBuf {
    match (vars.get("HOMEDRIVE"), vars.get("HOMEPATH")) {
        (Some(drive), Some(path)) => {
            let mut home = drive.to_owned();
            home.push(path);
            home.into()
        }
        _ => vars.get("USERPROFILE").map_or(r"C:\".into(), PathBuf::from),
    }
}

/// The name of this machine, which the system gives to each process.
#[must_use]
pub fn hostname(vars: &Vars) -> Option<String> {
    vars.text("COMPUTERNAME").map(str::to_owned)
}

/// Nothing is missing.
pub fn complete(_: &mut Vars) {}

/// Its name says that it can be run.
///
/// # Errors
/// None.
#[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
pub fn make_program(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the firmware says so: no question to the network.
#[must_use]
pub fn is_google_machine() -> bool {
    firmware::product().is_some_and(|name| name.starts_with("Google"))
}

/// Where a cloud machine's log can be read from outside: only on a virtual machine of Google's, outside a pod.
#[must_use]
pub fn console(vars: &Vars) -> Option<File> {
    if vars.in_kubernetes() || !is_google_machine() {
        return None;
    }
    File::options().write(true).open(CONSOLE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_on_a_drive_and_those_of_services_in_their_profile() {
        let of = |pairs| home(&Vars::of::<3>(pairs));
        let profile = ("UserProfile", r"C:\Profile");
        let both = [("HomeDrive", "D:"), ("HOMEPATH", r"\Users\x"), profile];
        assert_eq!(of(both), PathBuf::from(r"D:\Users\x"));
        let without = [("HOMEDRIVE", ""), ("HOMEPATH", ""), profile];
        assert_eq!(of(without), PathBuf::from(r"C:\Profile"));
    }
}
