//! The buildlet of Windows as a process, which dials a hub in bytes. On other systems there is nothing here.

#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]

mod commands;
mod ends;
mod harness;
#[allow(dead_code, reason = "written for the tests of Unix")]
#[path = "../it/hub.rs"]
mod hub;
#[allow(dead_code, reason = "written for the tests of Unix")]
#[path = "../it/peer.rs"]
mod peer;
#[path = "../it/waiting.rs"]
mod waiting;
mod work_dir;

/// Says that a test cannot run here. Not printed: of a test that passes nobody would see it.
fn skipped(why: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {why}\n"));
}
