//! What a Mac VM is, from what its system and its host say (`buildlet.md` 9.2). Pure.
#![allow(dead_code, reason = "of use on macOS alone; its tests run everywhere")]

use anyhow::Context;

use crate::Args;

/// `GO_BUILDER_ENV` of these machines.
pub(super) const FAMILY: &str = "macstadium_vm";

/// Best effort. Debuggers need the second.
pub(super) const SETTINGS: [&[&str]; 2] = [
    &[
        "defaults",
        "-currentHost",
        "write",
        "com.apple.screensaver",
        "idleTime",
        "0",
    ],
    &["sudo", "-n", "/usr/sbin/DevToolsSecurity", "-enable"],
];

/// Fills in what these machines are always started with. `version` is that of the system (`10.13.6`), `guest` the name that
/// the host has for this machine.
///
/// # Errors
/// The version is none.
pub(super) fn configure(args: &mut Args, version: &str, guest: &str) -> anyhow::Result<()> {
    let mut numbers = version.trim().split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Err(anyhow::anyhow!("{version:?}")).context("the system has no usable version");
    };
    args.halt = true;
    args.listen = None;
    if major > 10 || minor >= 13 {
        args.reverse_type = Some(format!("host-darwin-{major}_{minor}"));
        args.reverse.clear();
    } else {
        args.reverse_type = None;
        args.reverse = vec![format!("darwin-amd64-{major}_{minor}")];
    }
    args.coordinator = "farmer.golang.org:443".to_owned();
    args.hostname = Some(match guest.find("_host") {
        Some(at) => format!("macstadium{}", &guest[at..]),
        None => guest.to_owned(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn configured(version: &str, guest: &str) -> anyhow::Result<Args> {
        let mut args = Args::parse_from(["buildlet"]);
        configure(&mut args, version, guest).map(|()| args)
    }

    #[test]
    fn a_mac_vm_says_itself_what_it_is() {
        let new = configured("10.13.6\n", "mac_10_13_host01a").unwrap();
        assert_eq!(new.reverse_type.as_deref(), Some("host-darwin-10_13"));
        assert_eq!(new.hostname.as_deref(), Some("macstadium_host01a"));
        assert!(new.halt && new.reverse.is_empty());
        let old = configured("10.12", "elsewhere").unwrap();
        assert_eq!(
            (old.reverse_type, old.reverse),
            (None, vec!["darwin-amd64-10_12".to_owned()])
        );
        assert_eq!(old.hostname.as_deref(), Some("elsewhere"));
        assert!(configured("", "x").is_err());
    }
}
