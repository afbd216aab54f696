//! What all Unix systems have in common.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::vars::Vars;

/// Where files of this user live: `$HOME`, else `/root` for root, else `/` (`buildlet.md` 8.2).
#[must_use]
pub fn home(vars: &Vars) -> PathBuf {
    match vars.get("HOME") {
        Some(home) => home.into(),
        None if nix::unistd::getuid().is_root() => "/root".into(),
        None => "/".into(),
    }
}

/// The name of this machine, if it has one that is text.
#[must_use]
pub fn hostname(_: &Vars) -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    Some(name).filter(|name| !name.is_empty())
}

/// What programs expect of root's environment, and the first process of a machine may not have.
pub fn complete(vars: &mut Vars) {
    if nix::unistd::getuid().is_root() {
        vars.default_to("USER", "root");
        vars.default_to("HOME", "/root");
    }
}

/// Lets a file be run.
///
/// # Errors
/// It is not this user's.
pub fn make_program(file: &Path) -> io::Result<()> {
    std::fs::set_permissions(file, Permissions::from_mode(0o755))
}
