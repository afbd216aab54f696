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
mod work_dir;
