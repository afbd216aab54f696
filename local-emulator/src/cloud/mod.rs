//! `farm emulator gce` and `farm emulator kubernetes`: clouds whose machines are processes of this computer.

mod gce;
mod kubernetes;

use std::io::Write;
use std::path::Path;

use anyhow::Context;

pub(crate) use gce::{Args as GceArgs, run as gce};
pub(crate) use kubernetes::{Args as KubernetesArgs, run as kubernetes};

/// The farm's own binary.
fn own() -> anyhow::Result<std::path::PathBuf> {
    std::env::current_exe().context("cannot find the farm binary")
}

/// Makes the folder, and names it from the root: machines have other working directories.
fn folder(path: &Path) -> anyhow::Result<std::path::PathBuf> {
    let made = std::fs::create_dir_all(path).and_then(|()| path.canonicalize());
    made.with_context(|| format!("cannot use the folder {}", path.display()))
}

/// A note for people. What programs read is on standard output alone.
fn note(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{text}")
}
